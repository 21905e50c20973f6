//! What the YAML parser complains about, in words of our own.

use granit_parser::ErrorKind;
use lp_model::{Message, message};

/// What is wrong.
pub(crate) fn words(kind: &ErrorKind) -> Message {
    use ErrorKind::*;
    match kind {
        UnexpectedEofFlowSequence | ExpectedFlowSequenceSeparator => message!("a list that begins with `[` lacks a `,` or its `]`"),
        UnexpectedEofFlowMapping | UnexpectedEofImplicitFlowMapping | ExpectedFlowMappingSeparator => {
            message!("a map that begins with `{{` lacks a `,` or its `}}`")
        }
        UnexpectedEofBlockSequence | UnexpectedEofBlockMapping | UnexpectedEof => message!("the text ends too early"),
        UnclosedFlowCollection { open } => message!("the bracket `{}` is not closed", open.to_string()),
        MismatchedFlowCollectionEnd { open, close } => {
            message!("the bracket `{}` is closed by `{}`", open.to_string(), close.to_string())
        }
        MisplacedFlowCollectionEnd => message!("a bracket is closed that was not opened"),
        UnclosedQuotedScalar => message!("a quote is not closed"),
        InvalidTrailingDoubleQuotedScalar => message!("invalid trailing content after double-quoted scalar"),
        InvalidTrailingSingleQuotedScalar => message!("invalid trailing content after single-quoted scalar"),
        UnknownQuotedScalarEscape
        | InvalidQuotedScalarHexEscape
        | InvalidLowSurrogateHexEscape
        | InvalidLowSurrogate
        | MissingLowSurrogate
        | UnpairedLowSurrogate
        | InvalidUnicodeEscape => message!("a `\\` in double quotes is followed by no known escape"),
        DocumentIndicatorInQuotedScalar => message!("a `---` or `...` stands at the beginning of a line inside a quoted text"),
        TabInPlainScalar => message!("while scanning a plain scalar, found a tab"),
        TabNotAllowed | TabInBlockIndentation | TabInIndentation | TabAtBlockScalarStart => message!("a tab stands where only blanks may"),
        InvalidIndentation | InvalidBlockScalarIndent | InvalidQuotedScalarIndent | InvalidFlowScalarIndent => {
            message!("the line is indented in a way that fits to nothing above it")
        }
        ExpectedBlockMappingKey | ExpectedBlockSequenceEntry => message!("a key or a `- ` was expected here, in line with the ones above"),
        SimpleKeyExpected | InvalidSimpleKey => message!("a `: ` is missing behind a key"),
        MappingValueNotAllowed | MappingKeyNotAllowed | InvalidColonPlacement | FlowMappingValueAdjacentCollection => {
            message!("a `key: value` cannot stand here")
        }
        InvalidMappingValueWhitespace | InvalidBlockEntryWhitespace | ExpectedWhitespace => message!("a blank is missing"),
        BlockEntryInFlowCollection | BlockSequenceEntryNotAllowed | PlainScalarStartsWithDashFlowIndicator => {
            message!("a list item `- ` cannot stand here")
        }
        ExpectedNodeContent | UnexpectedEndOfPlainScalar => message!("a value was expected here"),
        UnexpectedCharacter { character } => message!("no value begins with the character `{}`", character.escape_default().to_string()),
        UnknownAnchor => message!("an alias refers to an anchor that does not exist"),
        MissingAnchorOrAliasName => message!("an anchor `&` or alias `*` has no name"),
        CommentInterceptedScalar | CommentNotSeparated => message!("a comment cannot stand here"),
        ZeroBlockScalarIndent | InvalidBlockScalarHeader => message!("behind a `|` or `>` stands something else than its signs"),
        UndeclaredTagHandle
        | ExpectedTagBang
        | InvalidGlobalTagCharacter
        | InvalidTagTerminator
        | MissingTagUri
        | UnclosedVerbatimTag
        | InvalidTagEscape
        | InvalidTagUtf8LeadingByte
        | InvalidTagUtf8TrailingByte
        | InvalidTagUtf8 => message!("a tag `!…` is wrong"),
        InvalidDocumentEnd | MissingDocumentEndBeforeDirective | ExpectedDocumentStart => {
            message!("between two documents stands something else than `---`")
        }
        BomInsideDocument => message!("a byte order mark stands in the middle of the text"),
        // What is left are directives (`%…`), which nobody writes by hand, and limits that we do not set.
        other => message!("the parser says: {}", other.to_string()),
    }
}
