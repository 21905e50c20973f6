//! What a version of a project holds: the files that describe its workflows and pipelines, read *at that commit*, and the buttons in them.

use crate::dto::{ApiError, ErrorCode, Finding, FindingSeverity};
use crate::pipeline::event::Ground;
use crate::pipeline::{PLACES, Pipeline, TextFile};
use lp_git::{Repository, Version};
use lp_model::{Code, Message, RepoFacts, message};
use lp_pipeline::Inputs;
use lp_workflow::Workflow;

/// Where the buttons are described.
const WORKFLOW_FILE: &str = ".letterpress.yml";
/// What to do about a file that lies in a commit.
pub(crate) fn correct() -> Message {
    message!("correct the file, commit it and pick the new version")
}

/// What a version of a project holds that matters here.
pub(crate) struct Sources {
    pub version: Version,
    pub ground: Ground,
    /// What there is to say when nothing is found.
    nothing: Option<ApiError>,
    workflow_file: Option<TextFile>,
    /// The one that is taken where nothing names another.
    first: Option<Pipeline>,
    /// Those that workflows name.
    named: Vec<Pipeline>,
}

/// The version of a request: the commit that is checked out when the text is empty. A commit that has a tag gets its name, but what was
/// named (or is checked out) decides the branch: a tag only labels it. Blocks.
pub(crate) fn find_version(repository: &Repository, text: &str) -> Result<Version, ApiError> {
    let found = repository.resolve(if text.is_empty() { "HEAD" } else { text })?;
    if found.tag.is_some() {
        return Ok(found);
    }
    let tag = repository.tagged(&found.sha)?.and_then(|tagged| tagged.tag);
    Ok(Version { tag, ..found })
}

/// What there is to say about the name of a version.
pub(crate) fn note_on_name(repository: &Repository, text: &str) -> Option<Message> {
    repository
        .is_tag_and_branch(text)
        .then(|| message!("`{}` is a tag and a branch; the tag is meant, the branch is `refs/heads/{}`", text, text))
}

impl Sources {
    /// Reads the files of a version. Blocks.
    pub fn read(repository: &Repository, version: Version) -> Result<Self, ApiError> {
        let sha = &version.sha;
        let workflow_file = TextFile::read(repository, sha, WORKFLOW_FILE)?;
        let workflows = workflow_file.as_ref().and_then(|file| lp_workflow::parse(&file.path, &file.bytes).ok());
        let names: Option<Vec<Option<String>>> = workflows.map(|(list, _)| list.into_iter().map(|workflow| workflow.pipeline).collect());
        // One that nothing asks for is not read: it may be broken for all that anyone cares.
        let first = if names.as_ref().is_none_or(|names| names.contains(&None)) { Pipeline::first(repository, sha)? } else { None };
        let mut named: Vec<Pipeline> = Vec::new();
        for path in names.into_iter().flatten().flatten() {
            if !named.iter().any(|pipeline| pipeline.path == path) {
                named.extend(Pipeline::at(repository, sha, &path)?);
            }
        }
        let ground = Ground { repo: repo_facts(repository)?, commit: repository.commit_facts(&version)?, tag: version.tag.clone() };
        let nothing = if first.is_none() { other_language(repository, sha)? } else { None };
        Ok(Self { ground, nothing, version, workflow_file, first, named })
    }

    /// The pipeline of a workflow: the one that it names, else the first there is.
    pub fn pipeline(&self, workflow: Option<&Workflow>) -> Result<&Pipeline, ApiError> {
        let named = workflow.and_then(|workflow| workflow.pipeline.as_deref());
        let found = match named {
            Some(path) => self.named.iter().chain(&self.first).find(|pipeline| pipeline.path == path),
            None => self.first.as_ref(),
        };
        let found = found.ok_or_else(|| {
            if let (Some(other), None) = (&self.nothing, named) {
                return other.clone();
            }
            let what = named.map_or_else(|| message!("no pipeline file"), |path| message!("no file or folder `{}`", path));
            ApiError::new(ErrorCode::PipelineMissing, message!("this version has {}", what))
                .hint(message!("add one of {} to the repository and commit it, or pick another version", PLACES.join(", ")))
        })?;
        found.filled()
    }
}

impl Sources {
    /// The fields of its forms, for questions without a person.
    pub fn inputs(&self) -> Inputs {
        let described = self.workflow_file.as_ref().and_then(|file| lp_workflow::parse(&file.path, &file.bytes).ok());
        described.map(|(workflows, _)| inputs_of(&workflows)).unwrap_or_default()
    }

    /// The pipelines that its workflows use, each once; the first there is when the buttons cannot be read.
    pub fn pipelines_in_use(&self) -> Result<Vec<&Pipeline>, ApiError> {
        let described = self.workflow_file.as_ref().and_then(|file| lp_workflow::parse(&file.path, &file.bytes).ok());
        let mut found: Vec<&Pipeline> = Vec::new();
        for workflow in described.into_iter().flat_map(|(workflows, _)| workflows) {
            let pipeline = self.pipeline(Some(&workflow))?;
            if !found.iter().any(|other| other.path == pipeline.path) {
                found.push(pipeline);
            }
        }
        if found.is_empty() {
            found.push(self.pipeline(None)?);
        }
        Ok(found)
    }
}

/// Pipelines that are written in a language of programs, as the originals' extensions read them: named, so that nobody looks for them.
fn other_language(repository: &Repository, sha: &str) -> Result<Option<ApiError>, ApiError> {
    let entries = repository.list_files(sha, "")?.unwrap_or_default();
    let is_pipeline = |name: &str| [".drone.", ".woodpecker."].iter().any(|beginning| name.starts_with(beginning));
    let Some(found) = entries.into_iter().map(|entry| entry.name).find(|name| is_pipeline(name)) else { return Ok(None) };
    let into = if found.starts_with(".drone.") { ".drone.yml" } else { ".woodpecker.yml" };
    let how = match found.rsplit('.').next() {
        Some("jsonnet") => {
            message!(
                "make YAML of it (`drone jsonnet --stream --source {} --target {}`, or `jsonnet -y`) and commit `{}`",
                found,
                into,
                into
            )
        }
        Some("star") => message!("make YAML of it (`drone starlark --source {} --target {}`) and commit `{}`", found, into, into),
        _ => message!("write the pipeline as YAML and commit it as `{}`", into),
    };
    let message = message!("this version has `{}`, and only pipelines in YAML are read", found);
    Ok(Some(ApiError::new(ErrorCode::PipelineMissing, message).hint(how)))
}

/// Owner and name of the repository: from the address that it was cloned from, else from the folder.
pub(crate) fn repo_facts(repository: &Repository) -> Result<RepoFacts, ApiError> {
    let remote = repository.origin().unwrap_or_default();
    let folder = repository.root().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (owner, name, link) = parse_remote(&remote).unwrap_or_else(|| ("local".into(), folder, String::new()));
    Ok(RepoFacts {
        owner,
        name,
        link,
        remote,
        default_branch: repository.default_branch()?,
        private: false,
        trusted: false,
        real_plugins: false,
    })
}

/// `https://HOST/OWNER/NAME.git` or `git@HOST:OWNER/NAME.git` as owner, name and web address. User names and passwords are dropped.
fn parse_remote(remote: &str) -> Option<(String, String, String)> {
    let (scheme, authority, path) = match remote.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/')?;
            (scheme.to_ascii_lowercase(), authority, path)
        }
        None => {
            // The colon after the host, not one of an address in brackets.
            let at = remote.find(']').unwrap_or(0);
            let colon = at + remote[at..].find(':')?;
            let (host, path) = (&remote[..colon], &remote[colon + 1..]);
            if host.contains('/') || !(host.contains('@') || host.contains('.')) {
                return None;
            }
            ("ssh".to_owned(), host, path)
        }
    };
    let web = matches!(scheme.as_str(), "http" | "https");
    if !web && !matches!(scheme.as_str(), "ssh" | "git" | "git+ssh" | "ssh+git") {
        return None;
    }
    let host = authority.rsplit('@').next()?;
    // The port of ssh is not that of the web.
    let end = host.find(']').map_or(0, |bracket| bracket + 1);
    let host = if web { host } else { &host[..host[end..].find(':').map_or(host.len(), |colon| end + colon)] };
    let path = path.trim_matches('/').trim_end_matches(".git").trim_matches('/');
    let (owner, name) = path.rsplit_once('/')?;
    let scheme = if scheme == "http" { "http" } else { "https" };
    Some((owner.to_owned(), name.to_owned(), format!("{scheme}://{host}/{path}")))
}

/// The buttons of a version, with warnings about the file that describes them; derived ones when there is none.
pub(crate) fn workflows(sources: &Sources) -> Result<(Vec<Workflow>, Vec<Finding>), ApiError> {
    let Some(file) = &sources.workflow_file else {
        let pipeline = sources.pipeline(None)?;
        let outline = pipeline.outline(&Inputs::new()).map_err(|error| error.hint(correct()))?;
        return Ok((lp_workflow::derive(&pipeline.path, &outline.occasions), pipeline.lint(&Inputs::new())));
    };
    let (workflows, warnings) = lp_workflow::parse(&file.path, &file.bytes).map_err(|diagnostics| {
        ApiError {
            findings: file.findings(&diagnostics),
            ..ApiError::new(ErrorCode::WorkflowInvalid, message!("`{}` has errors", file.path))
        }
        .hint(correct())
    })?;
    let mut findings = file.findings(&warnings);
    let mut linted: Vec<&str> = Vec::new();
    for workflow in &workflows {
        let pipeline = sources.pipeline(Some(workflow))?;
        if !linted.contains(&pipeline.path.as_str()) {
            findings.extend(pipeline.lint(&inputs_of(&workflows)));
            linted.push(&pipeline.path);
        }
    }
    Ok((workflows, findings))
}

/// The fields of all forms of a project with their values at first, for questions without a person. A field without one, or with another one
/// in another form, has a value that nobody knows yet.
pub(crate) fn inputs_of(workflows: &[Workflow]) -> Inputs {
    let mut inputs = Inputs::new();
    for input in workflows.iter().flat_map(|workflow| &workflow.inputs) {
        let value = match (&input.default, input.kind) {
            (None, lp_workflow::InputType::Boolean) => Some("false".to_owned()),
            (default, _) => default.clone().filter(|text| !text.is_empty()),
        };
        inputs
            .entry(input.name.clone())
            .and_modify(|known| *known = known.take().filter(|known| Some(known) == value.as_ref()))
            .or_insert(value);
    }
    inputs
}

/// The workflow of a version with that name.
///
/// # Errors
/// `WorkflowNotFound`, which says which workflows there are.
pub(crate) fn find_workflow(workflows: &[Workflow], name: &str) -> Result<Workflow, ApiError> {
    let found = workflows.iter().find(|workflow| workflow.name == name).cloned();
    found.ok_or_else(|| {
        let known: Vec<String> = workflows.iter().map(|workflow| format!("`{}`", workflow.name)).collect();
        let said = message!("this version has no workflow `{}`", name);
        let help = message!("its workflows are: {}", known.join(", "));
        let finding = Finding {
            code: Code::WorkflowNotThere.as_str().into(),
            severity: FindingSeverity::Error,
            message: (&said).into(),
            help: Some((&help).into()),
            file: String::new(),
            excerpt: None,
        };
        let error = ApiError::new(ErrorCode::WorkflowNotFound, said).hint(help);
        ApiError { findings: vec![finding], ..error }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_clones_give_owner_and_name() {
        let parse = |remote: &str| parse_remote(remote).map(|(owner, name, link)| format!("{owner} {name} {link}"));
        for (remote, expected) in [
            ("https://git.example.com/shop/cart.git", "shop cart https://git.example.com/shop/cart"),
            ("http://user:pw@git.example.com:3000/shop/cart", "shop cart http://git.example.com:3000/shop/cart"),
            ("git@git.example.com:shop/cart.git", "shop cart https://git.example.com/shop/cart"),
            ("ssh://git@git.example.com:22/group/sub/cart.git", "group/sub cart https://git.example.com/group/sub/cart"),
            ("git@[::1]:shop/cart.git", "shop cart https://[::1]/shop/cart"),
            ("ssh://git@[2001:db8::1]:10022/shop/cart.git", "shop cart https://[2001:db8::1]/shop/cart"),
            ("http://[::1]:3000/shop/cart", "shop cart http://[::1]:3000/shop/cart"),
            ("git.example.com:shop/cart", "shop cart https://git.example.com/shop/cart"),
        ] {
            assert_eq!(parse(remote).as_deref(), Some(expected), "{remote}");
        }
        for local in ["", "/srv/git/cart.git", "../cart", "file:///srv/cart.git"] {
            assert_eq!(parse(local), None, "{local}");
        }
    }
}

#[cfg(test)]
mod version_tests {
    use super::*;
    use lp_git::{CommitSpec, FileSpec, TagSpec};

    #[test]
    fn a_branch_that_was_named_stays_the_branch_when_its_commit_has_a_tag() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("shop");
        let commit = |branch: &str, tag: Option<&str>, time_ms| CommitSpec {
            message: "change".into(),
            author_name: "Lin Yue".into(),
            author_email: "lin@example.com".into(),
            time_ms,
            offset_min: 0,
            branch: branch.into(),
            files: vec![FileSpec { path: "a".into(), bytes: branch.into(), executable: false }],
            deletes: vec![],
            tag: tag.map(|name| TagSpec { name: name.into(), message: None }),
        };
        lp_git::create(&root, &[commit("main", None, 1_000_000), commit("feature/x", Some("v9"), 2_000_000)]).unwrap();
        let repository = Repository::open(&root).unwrap();
        let version = find_version(&repository, "feature/x").unwrap();
        assert_eq!((version.tag.as_deref(), version.reference.as_str()), (Some("v9"), "refs/heads/feature/x"));
        assert_eq!(repository.commit_facts(&version).unwrap().branch, "feature/x");
    }
}
