//! What any backend must do, one function a promise. A backend's test calls each with a fresh store, through
//! [`live_promises!`](crate::live_promises), [`token_promises!`](crate::token_promises) and
//! [`account_promises!`](crate::account_promises), where all of them are listed.
//! A bug found in one backend becomes a promise here, for all of them.

pub mod accounts;
pub mod answers;
pub mod audit;
pub mod model;
pub mod order;
pub mod past;
pub mod people;
pub mod pushes;
pub mod runs;
pub mod sample;
pub mod secrets;
pub mod tokens;

/// One test for each promise of [`Live`](crate::Live) and [`Past`](crate::Past). The expression gives a fresh store, in a box or in anything else that
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
        $crate::promises! { $fresh, past:
            only_what_ended_long_ago_is_too_old
            a_run_without_an_end_goes_with_the_next
            an_evening_that_was_let_go_is_nowhere
            an_evening_leaves_nothing_behind
            a_removal_that_was_cut_off_is_completed
            two_may_remove_the_same
            a_session_may_begin_again_after_all_is_gone
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
            a_dj_has_several_tokens_by_their_labels
            one_of_several_tokens_is_revoked
        }
    };
}

/// One test for each promise of [`Accounts`](crate::Accounts), [`Secrets`](crate::Secrets), [`Audit`](crate::Audit) and Web Push.
#[macro_export]
macro_rules! account_promises {
    ($fresh:expr) => {
        $crate::promises! { $fresh, accounts:
            an_account_comes_back_as_it_was
            every_name_is_one_accounts
            of_many_who_want_a_name_one_gets_it
            only_the_next_version_is_taken
            a_name_leads_to_who_bears_it_now
            a_stray_claim_is_free_after_a_minute
            a_removed_account_leaves_its_names_but_for_two
            a_dj_who_takes_another_name_gives_the_old_one_free
            pages_of_accounts_hold_each_once
            djs_names_are_one_list
        }
        $crate::promises! { $fresh, secrets:
            a_secret_comes_back_until_it_expires
            a_secret_is_used_up_once
            an_ended_secret_is_gone
            a_secrets_last_use_is_kept_to_the_minute
            nobodys_secret_becomes_one_accounts
            an_accounts_secrets_are_listed_by_kind
            a_sweep_takes_only_what_has_expired
        }
        $crate::promises! { $fresh, audit:
            entries_are_told_newest_first
            a_sweep_drops_what_is_older_and_nothing_else
        }
        $crate::promises! { $fresh, pushes:
            a_subscription_comes_back_as_it_was
            a_subscription_changes_hands_only_with_its_secret
            followers_are_whoever_is_subscribed_now
            a_person_who_wants_quiet_has_it_on_all_browsers
            a_sweep_leaves_who_was_seen
            an_announcement_has_one_who_pushes_it
            a_claim_that_ran_out_is_taken_over
            what_was_pushed_is_never_claimed_again
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
        let live = [include_str!("order.rs"), include_str!("runs.rs"), include_str!("answers.rs"), include_str!("past.rs")];
        let people = [include_str!("tokens.rs"), include_str!("accounts.rs"), include_str!("secrets.rs"), include_str!("audit.rs")];
        let people = people.into_iter().chain([include_str!("pushes.rs")]);
        for family in live.into_iter().chain(people) {
            for promise in family.lines().filter_map(|line| line.strip_prefix("pub async fn ")?.split_once(['(', '<'])) {
                assert!(list.lines().any(|line| line.trim() == promise.0), "{} is promised and never tested", promise.0);
            }
        }
    }
}
