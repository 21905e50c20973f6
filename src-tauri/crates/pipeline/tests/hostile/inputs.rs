//! Files of a given size, as people write them, for the benchmark and the tests.

/// The shapes that are measured.
pub const SHAPES: [Shape; 5] = [Shape::Drone08, Shape::Drone1, Shape::Drone1Graph, Shape::Woodpecker, Shape::WoodpeckerGraph];

/// A dialect, with its steps one after the other or as a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Drone 0.8.
    Drone08,
    /// Drone 1.x, in file order.
    Drone1,
    /// Drone 1.x with `depends_on`.
    Drone1Graph,
    /// Woodpecker, in file order.
    Woodpecker,
    /// Woodpecker with `depends_on`.
    WoodpeckerGraph,
}

impl Shape {
    /// For the rows of the results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Drone08 => "drone 0.8",
            Self::Drone1 => "drone 1.x",
            Self::Drone1Graph => "drone 1.x, graph",
            Self::Woodpecker => "woodpecker",
            Self::WoodpeckerGraph => "woodpecker, graph",
        }
    }

    /// A path that such a file has.
    pub fn path(self) -> &'static str {
        if matches!(self, Self::Woodpecker | Self::WoodpeckerGraph) { ".woodpecker.yml" } else { ".drone.yml" }
    }

    /// A file of that many steps: commands and plugins in turn, conditions, variables, 125 bytes a step.
    pub fn file(self, steps: usize) -> String {
        let mut text = match self {
            Self::Drone08 => "pipeline:\n".to_owned(),
            Self::Drone1 | Self::Drone1Graph => "kind: pipeline\ntype: docker\nname: default\nsteps:\n".to_owned(),
            Self::Woodpecker | Self::WoodpeckerGraph => "when: {event: [push, tag]}\nsteps:\n".to_owned(),
        };
        for n in 0..steps {
            let begin = text.len();
            text += &self.step(n);
            // Comments make up for what one kind of step is shorter than the other.
            let missing = 125_usize.saturating_sub(text.len() - begin + 2);
            text += &format!("#{}\n", "-".repeat(missing));
        }
        text
    }

    fn step(self, n: usize) -> String {
        let plugin = n % 4 == 3;
        let graph = matches!(self, Self::Drone1Graph | Self::WoodpeckerGraph);
        let needs = match n {
            0 | 1 => String::new(),
            _ => format!("  depends_on: [s{}, s{}]\n", n / 2, n - 1 - n % 2),
        };
        let needs = if graph { needs.as_str() } else { "" };
        match (self, plugin) {
            (Self::Drone08, false) => {
                format!(
                    "  s{n}:\n    image: golang:1.21\n    group: g{}\n    commands: ['go test ./p{n}', 'echo ${{DRONE_COMMIT}} 完成']\n",
                    n / 2
                )
            }
            (Self::Drone08, true) => {
                format!(
                    "  s{n}:\n    image: plugins/s3\n    bucket: b{n}\n    acl: [a, 1.0]\n    when: {{event: push, branch: [main, release/*]}}\n"
                )
            }
            (_, false) if graph => format!("- name: s{n}\n  image: golang:1.21\n{needs}  commands: [go test ./p{n}, echo 完成]\n"),
            (_, true) if graph => {
                format!("- name: s{n}\n  image: plugins/s3\n{needs}  settings: {{bucket: b{n}}}\n  when: {{event: push}}\n")
            }
            (_, false) => {
                format!("- name: s{n}\n  image: golang:1.21\n  commands:\n  - go test ./p{n}\n  - echo ${{CI_COMMIT_SHA}} 完成\n")
            }
            (_, true) => format!(
                "- name: s{n}\n  image: plugins/s3\n  settings: {{bucket: b{n}, acl: [a, 1]}}\n  when: {{event: push, branch: [main, r/*]}}\n"
            ),
        }
    }
}
