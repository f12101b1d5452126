//! What any backend must do, one function a promise. A backend's test calls each with a fresh store, through
//! [`live_promises!`](crate::live_promises) and [`token_promises!`](crate::token_promises), where all of them are listed.
//! A bug found in one backend becomes a promise here, for all of them.

pub mod answers;
pub mod model;
pub mod order;
pub mod runs;
pub mod sample;
pub mod tokens;

/// One test for each promise of [`Live`](crate::Live). The expression gives a fresh store, in a box or in anything else that
/// points to one; it is evaluated for each promise, within an async function.
#[macro_export]
macro_rules! live_promises {
    ($fresh:expr) => {
        $crate::promises! { $fresh, order:
            a_saved_row_comes_back_as_it_was
            a_row_never_goes_back
            an_old_row_beside_a_new_one_is_dropped_alone
            a_saved_position_never_goes_back
            partitions_have_positions_of_their_own
            replaying_a_flush_changes_nothing
            a_tombstone_keeps_its_ops
            two_writers_agree
            many_saves_at_once_are_all_kept
            sums_follow_the_newest_rows
        }
        $crate::promises! { $fresh, runs:
            a_session_never_heard_of_has_nothing
            latest_run_is_loaded_whole
            any_run_is_loaded_whole
            a_late_like_does_not_bring_an_old_run_back
            a_rewound_log_still_has_its_latest_run
            ended_runs_are_not_open
            open_runs_keep_to_their_partition
        }
        $crate::promises! { $fresh, answers:
            recent_runs_newest_end_first
            history_newest_first
            recap_in_play_order
            fingerprints_fill_only_gaps
            fingerprints_belong_to_their_run
            fingerprints_may_come_before_the_play
            top_tracks_add_up_over_runs
            totals_count_everything
            dj_runs_by_slug
            person_likes_only_own
            taken_back_likes_do_not_count
            a_store_in_order_answers_a_ping
        }
    };
}

/// One test for each promise of [`Tokens`](crate::Tokens).
#[macro_export]
macro_rules! token_promises {
    ($fresh:expr) => {
        $crate::promises! { $fresh, tokens:
            tokens_by_hash
            a_token_is_added_once
            one_dj_for_all_tokens_of_a_name
            names_compare_without_case
            last_use_is_kept_to_the_minute
            revoked_tokens_are_gone
        }
    };
}

/// The tests themselves.
#[macro_export]
macro_rules! promises {
    ($fresh:expr, $family:ident: $($promise:ident)*) => {
        mod $family {
            $(
                #[tokio::test]
                async fn $promise() {
                    let store = $fresh;
                    $crate::contract::$family::$promise(&*store).await;
                }
            )*
        }
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_promise_is_listed() {
        let list = include_str!("mod.rs");
        for family in [include_str!("order.rs"), include_str!("runs.rs"), include_str!("answers.rs"), include_str!("tokens.rs")] {
            for promise in family.lines().filter_map(|line| line.strip_prefix("pub async fn ")?.split_once('(')) {
                assert!(list.lines().any(|line| line.trim() == promise.0), "{} is promised and never tested", promise.0);
            }
        }
    }
}
