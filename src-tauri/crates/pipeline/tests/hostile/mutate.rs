//! Changes a pipeline file in ways that keep it half sensible: lines move, indentation shifts, words of the language come and go.

/// A small generator of numbers (splitmix64): the same seed, the same numbers, everywhere.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit` (0 for 0).
    pub fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { (self.next() % limit as u64) as usize }
    }
}

/// Pieces of the languages.
pub const WORDS: [&str; 96] = [
    "kind: pipeline\n",
    "kind: secret\n",
    "kind: ",
    "type: exec\n",
    "type: docker\n",
    "name: ",
    "pipeline:\n",
    "steps:\n",
    "services:\n",
    "clone:\n",
    "matrix:\n  A: [1, 2]\n  B: [x, y]\n",
    "matrix:\n  include:\n  - A: 1\n",
    "- name: a\n  image: x\n",
    "  a:\n    image: x\n",
    "image: ",
    "commands:\n",
    "commands: [a, {b: c}]\n",
    "command: ",
    "entrypoint: ",
    "settings: {k: [1, {a: b}], s: {from_secret: x}}\n",
    "from_secret: ",
    "environment: {A: 1}\n",
    "environment:\n- A=1\n",
    "secrets: [a, {source: b, target: c}]\n",
    "when: ",
    "when:\n- {event: push, path: {include: ['*'], on_empty: false}}\n",
    "evaluate: 'CI == \"x\" and not (\"A\" in $env)'\n",
    "evaluate: 'A matches \"(a+)+$\"'\n",
    "path: ['**/*.rs']\n",
    "cron: nightly\n",
    "trigger: {event: [push]}\n",
    "status: [success, failure]\n",
    "status: {exclude: [success]}\n",
    "branch: {include: [a, '*'], exclude: b}\n",
    "event: [push, tag, promote, deployment]\n",
    "ref: refs/tags/**\n",
    "target: [production]\n",
    "depends_on: [a, b]\n",
    "depends_on: []\n",
    "depends_on: [{name: a, optional: true}]\n",
    "group: g\n",
    "detach: true\n",
    "failure: ignore\n",
    "failure: fast\n",
    "privileged: true\n",
    "volumes: ['/a:/b', {name: v, path: /x}]\n",
    "volumes:\n- {name: v, temp: {}}\n",
    "volumes:\n- name: v\n  host: {path: /x}\n",
    "workspace: {base: /a, path: b}\n",
    "branches: a\n",
    "directory: a\n",
    "labels: {platform: a/b}\n",
    "platform: {os: linux, arch: arm64}\n",
    "concurrency: {limit: 1}\n",
    "concurrency: 1\n",
    "skip_clone: true\n",
    "runs_on: [success]\n",
    "pull: always\n",
    "pull: true\n",
    "shm_size: 1g\n",
    "backend_options: {docker: {user: a}}\n",
    "variables:\n- &x {a: b}\n",
    "<<: *x\n",
    "- <<: *x\n",
    "<<: [*x, *y]\n",
    "&x ",
    "*x",
    "---\n",
    "...\n",
    "${A}",
    "${DRONE_COMMIT_MESSAGE}",
    "${CI_COMMIT_MESSAGE//o/0}",
    "${DRONE_TAG##v}",
    "${DRONE_BRANCH%%/*}",
    "${A:-${B:-c}}",
    "${DRONE_STAGE_NAME}",
    "$$",
    "${",
    "}",
    "!!binary aGVsbG8=",
    "!!str 1.10",
    "0x1F",
    "1e3",
    "~",
    "|\n    ",
    ">-\n    ",
    "? ",
    ": ",
    "- ",
    "[",
    "{",
    "\t",
    "\u{feff}",
    "\r\n",
    "中",
    "# ",
];

/// One to four changes; `donors` are files that lines may be taken from.
pub fn mutate(bytes: &[u8], donors: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut text = bytes.to_vec();
    for _ in 0..=random.below(4) {
        match random.below(12) {
            0 => bytewise(&mut text, random),
            1 => insert(&mut text, random.next() as usize, WORDS[random.below(WORDS.len())].as_bytes()),
            2 | 3 => {
                // A word at the beginning of a line, as deep as the line.
                let mut lines = lines(&text);
                let at = random.below(lines.len() + 1);
                let depth = lines.get(at).map_or(0, |line| line.iter().take_while(|&&byte| byte == b' ').count());
                let word = WORDS[random.below(WORDS.len())].trim_end();
                lines
                    .insert(at, format!("{}{}\n", " ".repeat(depth), word.replace('\n', &format!("\n{}", " ".repeat(depth)))).into_bytes());
                text = lines.concat();
            }
            4 => insert(&mut text, random.next() as usize, WORDS[random.below(WORDS.len())].trim().as_bytes()),
            _ => linewise(&mut text, donors, random),
        }
    }
    text
}

fn bytewise(text: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(text.len());
    match random.below(4) {
        0 if !text.is_empty() => text[at] = random.next() as u8,
        1 if !text.is_empty() => {
            let end = (at + 1 + random.below(8)).min(text.len());
            text.drain(at..end);
        }
        2 if !text.is_empty() => text[at] ^= 1 << random.below(8),
        _ => text.insert(at, random.next() as u8),
    }
}

fn insert(text: &mut Vec<u8>, at: usize, word: &[u8]) {
    let at = at % (text.len() + 1);
    text.splice(at..at, word.iter().copied());
}

fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    text.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn linewise(text: &mut Vec<u8>, donors: &[Vec<u8>], random: &mut Random) {
    let mut mine = lines(text);
    let at = random.below(mine.len());
    let end = (at + 1 + random.below(6)).min(mine.len());
    match random.below(6) {
        0 => {
            mine.drain(at..end);
        }
        1 => {
            let again = mine[at..end].to_vec();
            let to = random.below(mine.len() + 1);
            mine.splice(to..to, again);
        }
        2 if mine.len() > 1 => {
            let other = random.below(mine.len());
            mine.swap(at, other);
        }
        3 => mine[at..end].iter_mut().for_each(|line| line.splice(0..0, *b"  ").for_each(drop)),
        4 => mine[at..end].iter_mut().filter(|line| line.starts_with(b"  ")).for_each(|line| line.drain(..2).for_each(drop)),
        _ => {
            let donor = if donors.is_empty() { Vec::new() } else { lines(&donors[random.below(donors.len())]) };
            let from = random.below(donor.len());
            let stop = (from + 1 + random.below(8)).min(donor.len());
            mine.splice(at..at, donor[from..stop].iter().cloned());
        }
    }
    *text = mine.concat();
}
