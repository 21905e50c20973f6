//! The paragraphs that explain the codes.

use super::Code;
use crate::{Message, message};

/// The paragraph about a code.
pub(super) fn explanation(code: Code) -> Message {
    match code {
        Code::AliasLoop => message!(
            "An alias `*name` stands inside of the value that its anchor `&name` marks, so writing it out would never end. Let the alias refer to a value further up."
        ),
        Code::BadExpression => message!(
            "`evaluate` holds an expression that is not understood here. Comparisons of `CI_…` variables with `and`, `or`, `not`, `in`, `contains`, `startsWith`, `endsWith` and `matches` are; functions are not."
        ),
        Code::BadSubstitution => message!(
            "A `${{…}}` in the file has no form that the dialect knows. It is replaced in the text before YAML reads it, so one in a comment counts too; `$${{…}}` leaves it to the shell."
        ),
        Code::ChangedFilesUnknown => message!(
            "Which files changed cannot be told from the repository on this computer, so a condition on a path is decided as its `on_empty` says."
        ),
        Code::ChangedSincePreview => message!(
            "Between the preview and the press something changed that would make the run another one: a branch moved, a container engine came or went, trust was given or taken. Nothing was started; the new preview shows what would run now."
        ),
        Code::CloneBuiltIn => message!(
            "The files of the commit are there before the first step; a clone step of the file is not run, and no credentials get into a container."
        ),
        Code::CommandIsList => message!(
            "YAML reads a line that was meant as a command as a list, because it begins with `[` or `- `. Put it into single quotes."
        ),
        Code::CommandIsMap => {
            message!("YAML reads a line that was meant as a command as a map, because it contains `: `. Put it into single quotes.")
        }
        Code::CommandNotAllowed => {
            message!("`entrypoint` and `command` are for services and detached steps in this dialect; other steps use `commands`.")
        }
        Code::CommandNotText => {
            message!("A command is a number or a bool for YAML, which the original refuses. Here the text as written is run.")
        }
        Code::CommandsAndParameters => message!(
            "A step either runs commands or is a plugin with parameters. An unknown key beside `commands` is mostly a slip of the finger."
        ),
        Code::ConditionIgnored => message!(
            "A condition has a shape that drone cannot read, and drone lets the step run then. A deployment may hang on it: write a text or a list of texts."
        ),
        Code::ConditionWithoutEffect => message!("A condition stands where the original never looks at it, so it always holds."),
        Code::CredentialsInFile => message!(
            "Credentials in a pipeline file are read by everyone who can read the repository, and are not used here. Log in to the registry on this computer instead."
        ),
        Code::CronWithoutEffect => message!("Only a workflow for the event `cron` has a name of a schedule."),
        Code::DependencyCycle => message!("Steps, pipelines or workflows wait for each other in a circle, so none of them could begin."),
        Code::DeprecatedForm => message!("A form that newer versions refuse; it works here as before."),
        Code::DeprecatedKey => message!("A key that newer versions removed or ignore; it works here as before."),
        Code::DeprecatedVariable => message!("A variable that has another name in newer versions."),
        Code::Drone04 => message!("The file is written in the language of drone 0.4, which is not supported."),
        Code::DuplicateInput => message!("Two inputs of a workflow have one name."),
        Code::DuplicateKey => message!("A key occurs twice in one map. Drone takes the last one; woodpecker refuses the file."),
        Code::DuplicatePipeline => message!("Two pipelines of a file have one name, so that nobody can say which one to wait for."),
        Code::DuplicateStep => message!("Two steps have one name."),
        Code::DuplicateWorkflow => message!("Two workflows have one name."),
        Code::EmptyAxis => message!("An axis of the matrix has no values, so there would be no combination at all."),
        Code::EmptyWithoutServer => {
            message!("A variable that only a server fills in, such as the address of a page about the run. There is no server here.")
        }
        Code::EnvironmentNotText => message!(
            "A value of `environment` is a number or a bool for YAML, which the original refuses. Here the text as written counts."
        ),
        Code::EventFacts => message!("A fact of the event that was taken from the repository or left open, because nobody named it."),
        Code::FileTooLarge => message!("The file, or what its matrix makes of it, is larger than what is read."),
        Code::FilterNotRun => message!(
            "`.gitattributes` names a filter, which is a program of somebody's git settings. Neither a clone in a container nor this one runs it: steps see the file as it is stored."
        ),
        Code::ForwardDependency => {
            message!("A step depends on one that stands further down, which drone refuses; here the order is kept all the same.")
        }
        Code::HistoryCut => message!(
            "The repository on this computer is a shallow clone, and the clone step of the file asks for more history than it has. Steps that count commits or look for a tag further back get another answer. Fetch the rest once: `git fetch --unshallow --tags`."
        ),
        Code::InstanceCondition => message!(
            "A condition names the server for which the file was written, and there is none here. Give its name as an input to let the condition hold."
        ),
        Code::InvalidDefault => message!("The default of an input is not among what the input allows."),
        Code::InvalidName => message!("A name has characters or a length that it may not have."),
        Code::InvalidPath => message!("A path leads out of the repository or is none."),
        Code::InvalidPattern => message!("The pattern of an input is no regular expression that can be used."),
        Code::InvalidSize => message!("A size is neither a number of bytes nor a number with a unit such as `512mb`."),
        Code::InvalidVolume => message!("A volume has no form that is known, or no absolute path."),
        Code::KeyNotText => message!("The key of a map is no text, mostly because a value begins with `{{` or `[` and has no quotes."),
        Code::KeyWithoutEffect => message!("A key that the dialect knows and that does nothing here."),
        Code::LfsMissing => message!(
            "The content of a large file (git-lfs) lies on the server only, and steps see its pointer, a text of three lines. Fetch it once: `git lfs fetch --all`."
        ),
        Code::MatrixCut => message!(
            "The axes of the matrix have more combinations than drone runs; the rest is left out, as there. Combinations under `include:` are never cut."
        ),
        Code::MatrixExclude => message!("`matrix` has no `exclude`. Name the combinations that are wanted under `include:`."),
        Code::MergeNotMap => message!("`<<` merges a map into another one, and something else was given."),
        Code::MissingCommands => {
            message!("A pipeline of the type `exec` runs commands on this computer and nothing else, and a step has none.")
        }
        Code::MissingDependency => message!("A step needs one that does not run for this event."),
        Code::MissingImage => message!("A step has no image, so there is nothing that it could run in."),
        Code::MissingKind => message!("A document of drone 1.x begins with `kind: pipeline`, and the line is missing."),
        Code::MissingLimit => message!("`concurrency` says no `limit`, so it limits nothing."),
        Code::MissingName => message!("Something that others refer to has no name."),
        Code::MissingOptions => message!("An input is a choice without anything to choose from."),
        Code::MissingSource => message!("A secret of a list names no `source`."),
        Code::MissingWorkflow => message!("A workflow waits for one that is not in the folder."),
        Code::MixedDialects => message!("The files of one run are written in different languages."),
        Code::MoreFindings => message!("There are more findings of this kind than are shown."),
        Code::NamedVolume => {
            message!("A volume with a name is empty at the start of every run: nothing is kept on the machine between two runs.")
        }
        Code::NeedsLogin => message!("Images come from a registry that usually wants to know who asks. Log in once with `docker login`."),
        Code::NeedsRemote => message!(
            "A command asks the server that the repository comes from. The address of `origin` is the one of this computer without credentials, and no container gets a login or a key of yours: what everybody may read works, everything else is refused there. Give the step a token as a secret and name it in the address."
        ),
        Code::NeedsSecret => message!(
            "The file uses a secret, and secrets do not come with the repository. Set it once, for this project or for all of them."
        ),
        Code::NeverRuns => message!("The conditions of a step on the result leave nothing over for which it could run."),
        Code::NewerForm => message!("A form that came with a later version of the language; it works here."),
        Code::NoEvent => message!("A step of woodpecker names no event, so it runs for all of them, also for pull requests."),
        Code::NoPipeline => message!("No document of the file has one of the keys with which a pipeline begins."),
        Code::NoRights => message!(
            "The image is a plugin that builds images and usually has all rights on the machine. Here it has them only where nothing of the file steers which program runs: no commands, no program or variable of its own that could, nothing mounted over its programs."
        ),
        Code::NoSteps => message!("A pipeline has no steps."),
        Code::NoWorkflows => message!("`.letterpress.yml` describes no workflow."),
        Code::NotMerged => message!(
            "The clone step of drone 1.x merges a pull request into the branch that it goes to. That branch is not on this computer, or has nothing in common with the commit, so the working copy is the commit alone."
        ),
        Code::NotPrivilegedAnyMore => {
            message!("The image had all rights on the machine up to woodpecker 2; woodpecker 3 gives them to no image by its name.")
        }
        Code::NotTrusted => message!(
            "A key reaches beyond the container: folders, devices or the network of the machine. Only a project that is trusted may use it."
        ),
        Code::NotUtf8 => message!("The file is not written in UTF-8."),
        Code::NothingRuns => message!("Nothing in the file is of a kind that is run here."),
        Code::NothingWouldRun => message!("The conditions of the file keep everything out for this event."),
        Code::NulByte => message!("The text holds a NUL character, which no program can be given."),
        Code::OneWord => message!(
            "A value that was entered has blanks and is one word for the shell: it is handed over as the text that it is. Write `$NAME`, without braces, where the shell shall take it apart."
        ),
        Code::OpenQuote => message!("A quote in a command line is not closed."),
        Code::OtherWorkflows => message!("A workflow that is run alone waits for others of its folder; it runs without them."),
        Code::ParameterLikeKey => {
            message!("An unknown key of a plugin is handed to it as a parameter, and looks much like a key with a meaning.")
        }
        Code::PipelineMissing => message!(
            "A version of the project has no pipeline file. Add `.drone.yml` or `.woodpecker.yml` and commit it, or pick another version."
        ),
        Code::PlatformIgnored => message!("The file asks for another platform; the steps run on this machine."),
        Code::ReservedName => message!("A name that the dialect keeps for itself."),
        Code::RunsAsIs => message!("Nothing about it is different here."),
        Code::ScriptTooLong => {
            message!("The commands of a step are longer than what a program can be given. Put them into a script in the repository.")
        }
        Code::SecondDocument => message!("The dialect reads fewer documents of a file than there are."),
        Code::SecretDocument => message!("Secrets are not read from the file; set them in the settings."),
        Code::SecretInput => message!("What is entered in a form is kept in the history, so a secret may not be asked for there."),
        Code::SettingsAndEnvironment => {
            message!("A step with both is no plugin any more for woodpecker: it gets no rights and none of the variables for plugins.")
        }
        Code::SettingsAndProgram => message!("A step either runs what the file says or is a plugin that its settings steer."),
        Code::SubmoduleMissing => message!(
            "The commit of a submodule is in no repository of this computer, so its folder stays empty. Fetch it once: `git submodule update --init --recursive`."
        ),
        Code::TagAndBranch => message!(
            "A tag and a branch have one name, and the other one may have been meant. The whole reference says which: `refs/tags/NAME` or `refs/heads/NAME`."
        ),
        Code::TargetWithoutEffect => message!("Only a promotion or a roll back has a target."),
        Code::TemplateNotSupported => message!("Templates live on a server and are not expanded here."),
        Code::TooDeep => message!("Lists and maps are nested too deep."),
        Code::TooLarge => message!("The document is too large once its aliases are written out."),
        Code::TooManyConditions => message!("A condition has too many alternatives."),
        Code::TooManyInputs => message!("A workflow has too many inputs for a form."),
        Code::TooManyNeeds => message!("The steps wait for each other in too many ways."),
        Code::TooManyStages => message!("The file describes too many stages."),
        Code::TooManySteps => message!("The file describes too many steps."),
        Code::TooManyVolumes => message!("A stage has more volumes than an engine can be asked for."),
        Code::TooManyWorkflows => message!("The file describes more workflows than anybody could choose from."),
        Code::Unknown => message!("There is more to say about the file than is shown, so nothing is promised of the rest."),
        Code::UnknownDependency => message!("A step or pipeline waits for a name that does not exist."),
        Code::UnknownEvent => message!("A condition names an event that does not exist in this dialect."),
        Code::UnknownKey => message!("A key that nobody reads, mostly a slip of the finger."),
        Code::UnknownKind => message!("A document of drone 1.x is of a kind that is not known."),
        Code::UnknownLanguage => message!("A key that should name a language does not."),
        Code::UnknownParameter => message!(
            "A parameter of a plugin is a `${{NAME}}` that nobody knows before the run, mostly a secret. Name it under `secrets:` or with `from_secret`, or ask for it as an input."
        ),
        Code::UnknownStep => message!("A step needs one that is not in the file."),
        Code::UnknownType => message!("An input has a type that does not exist."),
        Code::UnknownVariable => message!(
            "A `${{NAME}}` that nobody knows before the run becomes an empty text. For a variable of the shell write `$${{NAME}}`."
        ),
        Code::UnknownVersion => message!("`.letterpress.yml` is written for a later version of its format."),
        Code::UnknownVolume => message!("A step mounts a volume that the pipeline does not declare."),
        Code::UnknownWord => message!("A key takes one of a few words, and another one was given."),
        Code::UnsupportedType => {
            message!("A pipeline for another kind of runner or another system is left out; the others of the file run.")
        }
        Code::ValueBreaksFile => message!(
            "The value of a variable breaks the text of the file around it, so that YAML cannot read it any more. The file is fine with another value: put the expression into quotes, or use a block."
        ),
        Code::ValueInScript => message!(
            "A value that was entered stands in the commands where it could become a part of them. Use the variable of the shell: every value that is entered is in the environment of the step."
        ),
        Code::ValueReadDifferently => message!("The value of a variable makes YAML read the text around it as something else than a text."),
        Code::WorkflowNotThere => message!(
            "The version that was chosen is from before this workflow, or from after it was renamed or removed. A workflow is run as it is described at the version, so choose one that is there, or another version."
        ),
        Code::WorkspaceBase => message!("The place for the working copy is no folder of its own: it would hide programs of the images."),
        Code::WrongType => message!("A value has another shape than the key takes, for example a text where a list is expected."),
        Code::YamlSyntax => message!(
            "The text is no YAML. The place is where the parser stumbled, or where a character stands that only looks like one of YAML."
        ),
    }
}
