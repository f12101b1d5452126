//! The table of roles: what each may do. Whoever asks, asks for a permission and never for a role.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The people who run this Pika.
    Admin,
    Organizer,
    DanceSchool,
    Dj,
    /// Whoever has an account.
    Dancer,
    /// Whoever has none.
    Guest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Permission {
    /// See all accounts; grant and take roles; suspend.
    ManageUsers,
    ViewAllAnalytics,
    ManageEvents,
    InviteDjs,
    ViewEventAnalytics,
    ManageSchool,
    ManageClasses,
    ManageRecurringEvents,
    ManageStudents,
    GoLive,
    ManageOwnSessions,
    ViewOwnAnalytics,
    ManageLibrary,
    LikeTracks,
    Vote,
    WishTempo,
    ViewOwnLikes,
    ViewNowPlaying,
}

use Permission as P;

const LOOK: &[Permission] = &[P::ViewNowPlaying];
const DANCE: &[Permission] = &[P::LikeTracks, P::Vote, P::WishTempo, P::ViewOwnLikes, P::ViewNowPlaying];

impl Role {
    pub const ALL: [Role; 6] = [Role::Admin, Role::Organizer, Role::DanceSchool, Role::Dj, Role::Dancer, Role::Guest];

    /// Roles that are granted. The other two are what everybody is, with an account or without.
    pub const GRANTED: [Role; 4] = [Role::Admin, Role::Organizer, Role::DanceSchool, Role::Dj];

    /// What the role adds to what every account may do.
    const fn adds(self) -> &'static [Permission] {
        match self {
            Role::Admin => &Permission::ALL,
            Role::Organizer => &[P::ManageEvents, P::InviteDjs, P::ViewEventAnalytics],
            Role::DanceSchool => &[P::ManageSchool, P::ManageClasses, P::ManageRecurringEvents, P::ManageStudents],
            Role::Dj => &[P::GoLive, P::ManageOwnSessions, P::ViewOwnAnalytics, P::ManageLibrary],
            Role::Dancer => DANCE,
            Role::Guest => LOOK,
        }
    }

    pub fn may(self, permission: Permission) -> bool {
        let everybody = if self == Role::Guest { LOOK } else { DANCE };
        self.adds().contains(&permission) || everybody.contains(&permission)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Organizer => "organizer",
            Role::DanceSchool => "dance_school",
            Role::Dj => "dj",
            Role::Dancer => "dancer",
            Role::Guest => "guest",
        }
    }

    /// The role of this name.
    pub fn named(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// What somebody without an account may do beyond looking on: whoever runs this Pika chooses. An identity that we signed is enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Guests {
    /// Look on.
    View,
    /// Like, thank, and wish for another tempo.
    Like,
    /// Vote too.
    #[default]
    Vote,
}

impl Guests {
    pub fn may(self, permission: Permission) -> bool {
        let lent: &[Permission] = match self {
            Guests::View => &[],
            Guests::Like => &[P::LikeTracks, P::WishTempo, P::ViewOwnLikes],
            Guests::Vote => &[P::LikeTracks, P::WishTempo, P::ViewOwnLikes, P::Vote],
        };
        Role::Guest.may(permission) || lent.contains(&permission)
    }
}

impl Permission {
    pub const ALL: [Permission; 18] = [
        P::ManageUsers,
        P::ViewAllAnalytics,
        P::ManageEvents,
        P::InviteDjs,
        P::ViewEventAnalytics,
        P::ManageSchool,
        P::ManageClasses,
        P::ManageRecurringEvents,
        P::ManageStudents,
        P::GoLive,
        P::ManageOwnSessions,
        P::ViewOwnAnalytics,
        P::ManageLibrary,
        P::LikeTracks,
        P::Vote,
        P::WishTempo,
        P::ViewOwnLikes,
        P::ViewNowPlaying,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_may_all_and_a_guest_may_look() {
        for permission in Permission::ALL {
            assert!(Role::Admin.may(permission), "{permission:?}");
            assert_eq!(Role::Guest.may(permission), permission == P::ViewNowPlaying, "{permission:?}");
        }
    }

    #[test]
    fn guests_are_lent_what_dancers_have_and_nothing_more() {
        for permission in Permission::ALL {
            for guests in [Guests::View, Guests::Like, Guests::Vote] {
                assert!(Role::Dancer.may(permission) || !guests.may(permission), "{guests:?} {permission:?}");
            }
            assert_eq!(Guests::View.may(permission), Role::Guest.may(permission));
            assert_eq!(Guests::Vote.may(permission), Role::Dancer.may(permission));
        }
        assert!(Guests::Like.may(P::LikeTracks) && !Guests::Like.may(P::Vote));
    }

    #[test]
    fn each_role_has_what_its_people_need_and_nothing_of_the_others() {
        let of = |role: Role| Permission::ALL.into_iter().filter(move |p| role.may(*p) && !Role::Dancer.may(*p)).collect::<Vec<_>>();
        assert_eq!(of(Role::Organizer), [P::ManageEvents, P::InviteDjs, P::ViewEventAnalytics]);
        assert_eq!(of(Role::DanceSchool), [P::ManageSchool, P::ManageClasses, P::ManageRecurringEvents, P::ManageStudents]);
        assert_eq!(of(Role::Dj), [P::GoLive, P::ManageOwnSessions, P::ViewOwnAnalytics, P::ManageLibrary]);
        assert_eq!(of(Role::Dancer), []);
        assert!(Role::Dancer.may(P::Vote) && Role::Dj.may(P::Vote), "a DJ dances too");
    }

    #[test]
    fn a_role_is_called_what_it_is_written() {
        for role in Role::ALL {
            assert_eq!(Role::named(role.name()), Some(role));
            assert_eq!(serde_json::to_value(role).ok(), Some(role.name().into()));
        }
        assert_eq!(Role::named("root"), None);
    }
}
