//! What each role of a site's people may do: one table, read by every screen.
//!
//! A role says what somebody is there for, not what they know. Whoever treats people works on whole charts, and every chart
//! that is opened is written down. A coordinator sees where people are and where they are to go, not what is said of them in
//! confidence. Whoever keeps the stores sees what was ordered. A technician keeps the machine running and reads nothing.
//! The table is ours (design §5); no standard prescribes it. `docs/operate.md` shows it, and a test holds the two together.

/// What somebody is there for. The names are those of the tokens of the FHIR interface.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// Receives casualties, sorts them, gives them tags.
    Triage,
    /// Cares for those who lie here.
    Nurse,
    /// Decides and treats.
    Doctor,
    /// Keeps medicines and supplies.
    Pharmacy,
    /// Knows where people are and where they are to go.
    Coordinator,
    /// Keeps the machine running, and says who may sign in.
    Technician,
}

impl Role {
    /// All of them, in the order of the table.
    pub const ALL: [Role; 6] =
        [Role::Triage, Role::Nurse, Role::Doctor, Role::Pharmacy, Role::Coordinator, Role::Technician];

    /// The name by which it is kept and sent in forms.
    pub fn name(self) -> &'static str {
        match self {
            Role::Triage => "triage",
            Role::Nurse => "nurse",
            Role::Doctor => "doctor",
            Role::Pharmacy => "pharmacy",
            Role::Coordinator => "coordinator",
            Role::Technician => "technician",
        }
    }

    /// The role of that name.
    pub fn of_name(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// Declares the capabilities once: the name of the variant, its line in the table, and who has it.
macro_rules! capabilities {
    ($($(#[$doc:meta])+ $variant:ident, $line:literal, [$($role:ident)*];)+) => {
        /// Something that a role may do.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Capability { $($(#[$doc])+ $variant,)+ }

        impl Capability {
            /// All of them, in the order of the table.
            pub const ALL: &[Capability] = &[$(Capability::$variant),+];

            /// What stands in the table of the handbook, in plain English.
            pub fn line(self) -> &'static str {
                match self { $(Capability::$variant => $line,)+ }
            }

            /// Who may.
            pub const fn roles(self) -> &'static [Role] {
                match self { $(Capability::$variant => &[$(Role::$role),*],)+ }
            }
        }
    };
}

capabilities! {
    /// See the board of casualties.
    Board, "see the board", [Triage Nurse Doctor Coordinator];
    /// Open and close a mass-casualty event.
    Event, "open and close an event", [Triage Nurse Doctor Coordinator];
    /// Give and change a triage category, a tag, a place on the board.
    Triage, "triage", [Triage Nurse Doctor];
    /// Make a new person, write down who somebody is.
    Register, "register", [Triage Nurse Doctor];
    /// Look for a person; see the list as little as serves.
    Patients, "find a person", [Triage Nurse Doctor Pharmacy Coordinator];
    /// See a full name, family, address.
    Identity, "see the full identity", [Triage Nurse Doctor Coordinator];
    /// See a chart.
    Charts, "see charts", [Triage Nurse Doctor];
    /// Write vital signs, notes, injuries, problems, allergies, photos.
    Notes, "write notes and vital signs", [Triage Nurse Doctor];
    /// Order medicines, fluids, investigations.
    Prescribe, "prescribe and order", [Doctor];
    /// See what is ordered and what somebody is allergic to, without the rest of the chart.
    Medicines, "see orders and allergies", [Triage Nurse Doctor Pharmacy];
    /// Give, refuse, hold a medicine.
    Administer, "give, refuse, hold", [Nurse Doctor];
    /// Hand out medicines and supplies.
    Dispense, "dispense", [Pharmacy];
    /// Blood groups, units, donors.
    Blood, "blood", [Nurse Doctor];
    /// Operations and their findings.
    Theatre, "theatre", [Nurse Doctor];
    /// Beds, and who lies where; the handover sheet.
    Ward, "beds and handover", [Nurse Doctor Coordinator];
    /// Discharge, death, left against advice.
    Discharge, "discharge, death", [Nurse Doctor];
    /// Say that two records are one person, or that they are not.
    Merge, "merge and un-merge persons", [Nurse Doctor];
    /// Offer, accept, refuse, depart, arrive.
    Transfers, "transfers", [Nurse Doctor Coordinator];
    /// The evacuation queue.
    Evacuation, "evacuation queue", [Doctor Coordinator];
    /// Ask the network for a chart.
    Ask, "ask for a chart", [Triage Nurse Doctor Coordinator];
    /// Open a chart to another site; answer an ask.
    Grant, "open a chart to another site", [Doctor Coordinator];
    /// Make a chart unreadable here.
    Forget, "forget a chart here", [Doctor Coordinator Technician];
    /// Choose between two values.
    Settle, "settle two values", [Nurse Doctor];
    /// See what is kept aside, and take it in.
    Quarantine, "what is kept aside", [Doctor Technician];
    /// Send a case without a name to somebody who knows more, and take in the answer.
    Consult, "tele-consult", [Doctor];
    /// Fill in a form.
    Forms, "fill in forms", [Triage Nurse Doctor];
    /// Add a form, or take one away.
    ManageForms, "add forms", [Doctor Technician];
    /// Print tags, wristbands, sheets.
    Print, "print", [Triage Nurse Doctor Pharmacy Coordinator];
    /// Say who may sign in, and as what.
    People, "people", [Technician];
}

/// Whether a role may do something: the one answer that every screen goes by.
pub fn allows(role: Role, capability: Capability) -> bool {
    capability.roles().contains(&role)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table as the handbook shows it.
    fn table() -> String {
        let mut out = String::from("|  |");
        Role::ALL.iter().for_each(|role| out.push_str(&format!(" {} |", role.name())));
        out.push_str("\n|---|---|---|---|---|---|---|\n");
        for capability in Capability::ALL {
            let cells = Role::ALL.map(|role| if allows(role, *capability) { " yes |" } else { "  |" });
            out.push_str(&format!("| {} |{}\n", capability.line(), cells.concat()));
        }
        out
    }

    #[test]
    fn the_handbook_shows_every_row_as_it_is() {
        let handbook = include_str!("../../../docs/operate.md");
        assert!(handbook.contains(&table()), "docs/operate.md should show:\n{}", table());
    }

    #[test]
    fn nobody_is_left_out_and_what_is_dangerous_is_for_few() {
        for capability in Capability::ALL {
            let roles = capability.roles();
            assert!(!roles.is_empty() && roles.is_sorted() && roles.len() < Role::ALL.len(), "{capability:?}");
        }
        // Whoever keeps the machine running reads nothing of anybody.
        for secret in [Capability::Charts, Capability::Patients, Capability::Identity, Capability::Board] {
            assert!(!allows(Role::Technician, secret) && allows(Role::Doctor, secret));
        }
        assert_eq!(Capability::Prescribe.roles(), [Role::Doctor]);
        assert_eq!(Capability::People.roles(), [Role::Technician]);
        assert!(!allows(Role::Coordinator, Capability::Charts));
    }

    #[test]
    fn a_role_has_one_name() {
        for role in Role::ALL {
            assert_eq!(Role::of_name(role.name()), Some(role));
        }
        assert_eq!(Role::of_name("Doctor"), None);
    }
}
