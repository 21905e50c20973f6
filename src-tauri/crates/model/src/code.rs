//! The codes of findings: for each its stable text, how bad it usually is, what it means for someone who brings a file along, and a paragraph
//! that explains it (`letterpress explain CODE`).
//!
//! Whoever makes a finding names the variant; a [`Diagnostic`](crate::Diagnostic) carries its text, which is what is stored and shown. That no
//! variant is left over is held by a test of the pipeline compiler.

mod words;

use crate::Message;
use crate::Severity;

/// What becomes of a part of a pipeline here, most pressing first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Something is needed from the user: a secret, trust, the login of a registry, a part of the repository that was never fetched.
    Needs,
    /// It is not supported, or wrong.
    Unsupported,
    /// It means something different here.
    Different,
    /// It runs as it is.
    Runs,
}

use Effect::{Different, Needs, Runs, Unsupported};
use Severity::{Error, Note, Warning};

macro_rules! codes {
    ($($variant:ident $text:literal $severity:ident $effect:expr;)*) => {
        /// The code of a finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = concat!("`", $text, "`.")] $variant,)*
        }

        impl Code {
            /// All of them, by their texts.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable text, in kebab case.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// How bad a finding with this code usually is.
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$variant => $severity,)*
                }
            }

            /// What it means for a file that comes from elsewhere. `None`: a remark that holds where the file comes from too, so that nothing
            /// changes by coming here.
            pub fn effect(self) -> Option<Effect> {
                match self {
                    $(Self::$variant => $effect,)*
                }
            }
        }
    };
}

codes! {
    AliasLoop "alias-loop" Error Some(Unsupported);
    BadExpression "bad-expression" Error Some(Unsupported);
    BadSubstitution "bad-substitution" Error Some(Unsupported);
    ChangedFilesUnknown "changed-files-unknown" Warning Some(Different);
    ChangedSincePreview "changed-since-preview" Error None;
    CloneBuiltIn "clone-built-in" Warning Some(Different);
    CommandIsList "command-is-list" Error Some(Unsupported);
    CommandIsMap "command-is-map" Error Some(Unsupported);
    CommandNotAllowed "command-not-allowed" Error Some(Unsupported);
    CommandNotText "command-not-text" Warning Some(Different);
    CommandsAndParameters "commands-and-parameters" Error Some(Unsupported);
    ConditionIgnored "condition-ignored" Warning None;
    ConditionWithoutEffect "condition-without-effect" Warning None;
    CredentialsInFile "credentials-in-file" Warning Some(Needs);
    CronWithoutEffect "cron-without-effect" Warning None;
    DependencyCycle "dependency-cycle" Error Some(Unsupported);
    DeprecatedForm "deprecated-form" Warning Some(Different);
    DeprecatedKey "deprecated-key" Warning Some(Different);
    DeprecatedVariable "deprecated-variable" Note None;
    Drone04 "drone-04" Error Some(Unsupported);
    DuplicateInput "duplicate-input" Error Some(Unsupported);
    DuplicateKey "duplicate-key" Error None;
    DuplicatePipeline "duplicate-pipeline" Error Some(Unsupported);
    DuplicateStep "duplicate-step" Error None;
    DuplicateWorkflow "duplicate-workflow" Error Some(Different);
    EmptyAxis "empty-axis" Error Some(Unsupported);
    EmptyWithoutServer "empty-without-server" Note Some(Different);
    EnvironmentNotText "environment-not-text" Warning Some(Different);
    EventFacts "event-facts" Note None;
    FileTooLarge "file-too-large" Error Some(Unsupported);
    FilterNotRun "filter-not-run" Note None;
    ForwardDependency "forward-dependency" Warning Some(Different);
    HistoryCut "history-cut" Warning Some(Needs);
    InstanceCondition "instance-condition" Note Some(Different);
    InvalidDefault "invalid-default" Error Some(Unsupported);
    InvalidName "invalid-name" Error Some(Unsupported);
    InvalidPath "invalid-path" Error Some(Unsupported);
    InvalidPattern "invalid-pattern" Error Some(Unsupported);
    InvalidSize "invalid-size" Error Some(Unsupported);
    InvalidVolume "invalid-volume" Error Some(Unsupported);
    KeyNotText "key-not-text" Error Some(Unsupported);
    KeyWithoutEffect "key-without-effect" Warning Some(Unsupported);
    LfsMissing "lfs-missing" Warning Some(Needs);
    MatrixCut "matrix-cut" Warning None;
    MatrixExclude "matrix-exclude" Error Some(Unsupported);
    MergeNotMap "merge-not-map" Error Some(Unsupported);
    MissingCommands "missing-commands" Error Some(Unsupported);
    MissingDependency "missing-dependency" Error Some(Unsupported);
    MissingImage "missing-image" Error Some(Unsupported);
    MissingKind "missing-kind" Error Some(Unsupported);
    MissingLimit "missing-limit" Warning None;
    MissingName "missing-name" Error Some(Unsupported);
    MissingOptions "missing-options" Error Some(Unsupported);
    MissingSource "missing-source" Error Some(Unsupported);
    MissingWorkflow "missing-workflow" Warning Some(Different);
    MixedDialects "mixed-dialects" Error Some(Unsupported);
    MoreFindings "more-findings" Warning Some(Different);
    NamedVolume "named-volume" Warning Some(Different);
    NeedsLogin "needs-login" Note Some(Needs);
    NeedsRemote "needs-remote" Note Some(Different);
    NeedsSecret "needs-secret" Note Some(Needs);
    NeverRuns "never-runs" Warning None;
    NewerForm "newer-form" Warning Some(Different);
    NoEvent "no-event" Note None;
    NoPipeline "no-pipeline" Error Some(Unsupported);
    NoRights "no-rights" Warning Some(Different);
    NoSteps "no-steps" Error Some(Unsupported);
    NoWorkflows "no-workflows" Error Some(Unsupported);
    NotMerged "not-merged" Warning Some(Different);
    NotPrivilegedAnyMore "not-privileged-any-more" Warning Some(Different);
    NotTrusted "not-trusted" Error Some(Needs);
    NotUtf8 "not-utf8" Error Some(Unsupported);
    NothingRuns "nothing-runs" Error Some(Unsupported);
    NothingWouldRun "nothing-would-run" Warning None;
    NulByte "nul-byte" Error Some(Unsupported);
    OneWord "one-word" Note Some(Different);
    OpenQuote "open-quote" Error Some(Unsupported);
    OtherWorkflows "other-workflows" Warning Some(Different);
    ParameterLikeKey "parameter-like-key" Warning None;
    PipelineMissing "pipeline-missing" Error Some(Unsupported);
    PlatformIgnored "platform-ignored" Note Some(Different);
    ReservedName "reserved-name" Error Some(Unsupported);
    RunsAsIs "runs-as-is" Note Some(Runs);
    ScriptTooLong "script-too-long" Error Some(Unsupported);
    SecondDocument "second-document" Warning None;
    SecretDocument "secret-document" Note Some(Needs);
    SecretInput "secret-input" Error Some(Unsupported);
    SettingsAndEnvironment "settings-and-environment" Warning None;
    SettingsAndProgram "settings-and-program" Error Some(Unsupported);
    SubmoduleMissing "submodule-missing" Warning Some(Needs);
    TagAndBranch "tag-and-branch" Note None;
    TargetWithoutEffect "target-without-effect" Warning None;
    TemplateNotSupported "template-not-supported" Warning Some(Unsupported);
    TooDeep "too-deep" Error Some(Unsupported);
    TooLarge "too-large" Error Some(Unsupported);
    TooManyConditions "too-many-conditions" Error Some(Unsupported);
    TooManyInputs "too-many-inputs" Error Some(Unsupported);
    TooManyNeeds "too-many-needs" Error Some(Unsupported);
    TooManyStages "too-many-stages" Error Some(Unsupported);
    TooManySteps "too-many-steps" Error Some(Unsupported);
    TooManyVolumes "too-many-volumes" Error Some(Unsupported);
    TooManyWorkflows "too-many-workflows" Error Some(Unsupported);
    Unknown "unknown" Warning Some(Different);
    UnknownDependency "unknown-dependency" Error Some(Unsupported);
    UnknownEvent "unknown-event" Error None;
    UnknownKey "unknown-key" Warning None;
    UnknownKind "unknown-kind" Warning Some(Unsupported);
    UnknownLanguage "unknown-language" Warning None;
    UnknownParameter "unknown-parameter" Warning Some(Needs);
    UnknownStep "unknown-step" Error None;
    UnknownType "unknown-type" Error Some(Unsupported);
    UnknownVariable "unknown-variable" Warning None;
    UnknownVersion "unknown-version" Error Some(Unsupported);
    UnknownVolume "unknown-volume" Error Some(Unsupported);
    UnknownWord "unknown-word" Error None;
    UnsupportedType "unsupported-type" Warning Some(Unsupported);
    ValueBreaksFile "value-breaks-file" Error Some(Unsupported);
    ValueInScript "value-in-script" Error Some(Unsupported);
    ValueReadDifferently "value-read-differently" Warning None;
    WorkflowNotThere "workflow-not-there" Error None;
    WorkspaceBase "workspace-base" Error Some(Unsupported);
    WrongType "wrong-type" Error Some(Unsupported);
    YamlSyntax "yaml-syntax" Error Some(Unsupported);
}

impl Code {
    /// The code with that text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.binary_search_by_key(&text, |code| code.as_str()).ok().map(|at| Self::ALL[at])
    }

    /// A paragraph about it: what it means, and what to do where that is not plain.
    pub fn explanation(self) -> Message {
        words::explanation(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_text_and_explained() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code), "they stand in the order of their texts");
            assert_eq!(code.explanation().untranslated(), None, "{code:?}");
            assert_ne!((code.severity(), code.effect()), (Error, Some(Runs)), "{code:?}");
        }
        assert_eq!(Code::parse("no-such-code"), None);
    }
}
