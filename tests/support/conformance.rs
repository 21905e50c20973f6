//! What every backend has to do, as cases over [`Backend`]: the contract in its documentation, tried out.
//!
//! A test binary says `lp_tests::conformance!(place().await)` inside a module and gets one test per case. Cases share nothing: each has a run
//! of its own and removes it. A backend that runs no programs names the cases that it can do: `conformance!(place().await => …)`.

mod cancelling;
mod containers;
mod files;
mod keeping_clean;
mod output;
mod place;
mod starting;
mod surviving;

pub use cancelling::*;
pub use containers::*;
pub use files::*;
pub use keeping_clean::*;
pub use output::*;
pub use place::{Abilities, Bench, Heard, Place, Sink, TarSource, in_memory, plan_stage, shell, then, within};
pub use starting::*;
pub use surviving::*;

/// One test per case of the suite, or per named case, over the place that the expression makes.
#[macro_export]
macro_rules! conformance {
    ($place:expr) => {
        $crate::conformance! { $place =>
            exit_codes_are_reported
            a_signal_is_told_from_an_exit_code
            bytes_pass_unchanged
            ten_megabytes_arrive_whole
            a_long_line_arrives_whole
            both_streams_arrive
            standard_input_is_empty
            a_background_child_does_not_hold_the_step
            a_log_that_cannot_be_written_ends_the_step
            the_environment_is_what_was_given
            the_source_is_in_the_working_copy
            files_stay_for_later_steps
            stages_do_not_share_files
            two_stages_of_a_run_live_side_by_side
            a_source_that_cannot_be_read_fails_prepare
            links_are_checked_out_wherever_they_lead
            long_names_arrive_whole
            a_fact_that_is_too_long_for_a_program_is_cut
            what_is_too_long_for_a_program_is_refused_by_name
            a_missing_program_cannot_be_started
            started_is_called_once_and_first
            two_steps_run_at_once
            services_are_found_by_name
            the_memory_limit_holds
            an_asked_program_ends_in_its_own_way
            programs_below_the_shell_are_asked_too
            a_stubborn_program_is_killed_after_the_grace_time
            killed_at_once
            a_second_cancel_does_not_wait_for_the_grace_time
            a_cancelled_step_is_not_started
            prepare_can_be_cancelled
            preparing_twice_keeps_what_steps_did
            beginning_anew_brings_the_files_of_the_commit
            files_that_are_gone_are_said_to_be_gone
            a_stage_of_another_engine_is_not_looked_for_here
            destroying_leaves_nothing
            destroying_twice_or_too_early_is_no_error
            a_sweep_removes_only_our_dead_runs
            nothing_starts_before_it_is_written_down
            times_arrive_as_seconds
            a_step_is_taken_over_while_it_runs
            a_step_is_taken_over_after_its_end
            a_step_that_was_never_started_is_started
            a_step_that_is_gone_is_lost
            output_goes_on_at_the_byte
            both_streams_go_on
            a_long_line_goes_on
            a_last_line_without_an_end_goes_on
            what_was_taken_over_can_be_cancelled
            a_stage_can_be_prepared_again_in_the_middle
            kept_files_are_there_again
            files_that_were_never_whole_are_not_kept
            a_prepare_that_was_broken_off_begins_again
            a_sweep_spares_kept_files
            what_is_made_ahead_is_used
            what_is_made_ahead_of_something_else_is_not_used
            what_cannot_be_fetched_or_made_ahead_is_met_by_the_step
            steps_see_nothing_of_one_another_but_the_files
            a_step_finds_itself_by_its_name
            a_port_is_free_again_for_the_next_step
            steps_beside_one_another_have_ports_of_their_own
        }
    };
    ($place:expr => $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::conformance::$case(&$place).await;
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// A case that is written and not listed would compile and never run.
    #[test]
    fn every_case_that_is_written_is_listed() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("support/conformance");
        let mut written = BTreeSet::new();
        for file in std::fs::read_dir(folder).expect("the cases are there") {
            let text = std::fs::read_to_string(file.expect("a file").path()).expect("text");
            let cases = text.lines().filter_map(|line| line.strip_prefix("pub async fn ")?.strip_suffix("(place: &dyn Place) {"));
            written.extend(cases.map(str::to_owned));
        }
        let this = include_str!("conformance.rs");
        let (_, list) = this.split_once("$crate::conformance! { $place =>\n").expect("the list");
        let (list, _) = list.split_once('}').expect("its end");
        let listed: BTreeSet<String> = list.split_whitespace().map(str::to_owned).collect();
        assert!(written.len() > 50, "{written:?}");
        assert_eq!(written, listed);
    }
}
