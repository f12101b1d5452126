//! Stories of people and their accounts: the same on a file and on a CQL server.
#![allow(clippy::unwrap_used)]

#[path = "../../../store/tests/cql/cassandra.rs"]
mod cassandra;
mod keyspaces;
mod logins;
mod passwords;
mod providers;
mod roles;
mod secrets;
mod stores;
mod world;

macro_rules! stories {
    ($world:expr) => {
        stories! { $world, passwords:
            somebody_signs_up_verifies_and_signs_in
            nobody_signs_up_as_somebody_else
            a_guest_who_signs_up_stays_the_person_they_were
            the_next_one_to_sign_up_in_a_browser_is_another_person
            a_wrong_password_lets_nobody_in
            an_answer_takes_as_long_whoever_it_is_for
            a_hash_of_an_older_pika_is_made_anew_at_its_owners_sign_in
            accounts_of_an_older_pika_are_moved_here_once
            a_forgotten_password_is_replaced_and_all_else_is_signed_out
            of_two_who_use_one_letter_at_once_one_chooses_the_password
            a_new_password_ends_what_was_begun_with_the_old_one
            a_removed_account_leaves_no_code_behind
            a_code_from_a_letter_ends
            somebody_changes_their_password
            somebody_changes_their_address
        }
        stories! { $world, secrets:
            a_session_holds_a_week_or_until_it_is_ended
            nobody_ends_what_is_somebody_elses
            a_djs_token_is_one_of_several
            a_token_that_nobody_used_for_a_month_is_removed
            an_app_renews_its_tokens
            a_refresh_token_that_comes_twice_ends_its_family
            a_ticket_opens_one_socket
            nodes_learn_whose_something_is
            a_device_is_let_in_with_the_code_that_it_shows
        }
        stories! { $world, roles:
            a_role_is_granted_by_somebody_and_changes_what_one_may
            whoever_is_suspended_is_out_and_stays_out
            a_profile_is_changed_and_a_name_moves
            preferences_lie_over_their_defaults
            ones_own_data_is_told_and_removed
            pages_of_accounts_lead_to_the_end
        }
        stories! { $world, logins:
            somebody_signs_up_with_each_provider_and_comes_back
            a_name_that_cannot_be_is_another
            a_login_is_linked_by_its_owner_and_unlinked
            the_last_way_into_an_account_stays
            an_address_alone_proves_nothing
            a_way_leads_back_once_and_only_whoever_began_it
            a_token_that_is_not_what_it_says_lets_nobody_in
            a_provider_that_is_away_changes_nothing
            whoever_is_suspended_is_not_let_in_by_a_provider
        }
    };
    ($world:expr, $file:ident: $($story:ident)*) => {
        mod $file {
            $(
                #[tokio::test]
                async fn $story() {
                    let world = $world;
                    crate::$file::$story(&world).await;
                }
            )*
        }
    };
}

mod sqlite {
    stories!(crate::stores::file());
}

mod cql {
    stories!(crate::stores::cql().await);
}

#[test]
fn every_story_is_told() {
    let list = include_str!("main.rs");
    let files = [include_str!("passwords.rs"), include_str!("secrets.rs"), include_str!("roles.rs"), include_str!("logins.rs")];
    for file in files {
        for story in file.lines().filter_map(|line| line.strip_prefix("pub async fn ")?.split_once('(')) {
            assert!(list.lines().any(|line| line.trim() == story.0), "{} is never told", story.0);
        }
    }
}
