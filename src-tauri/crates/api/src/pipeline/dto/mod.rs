//! What is told of a pipeline file.

mod lint;
mod report;

pub use lint::{Linted, LintedFile, LintedFinding, LintedPlace, LintedPosition, LintedRange};
pub use report::{ReportCounts, ReportDto, ReportEffect, ReportEntry, ReportStep};
