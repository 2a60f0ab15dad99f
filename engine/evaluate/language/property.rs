//! What a script can read of a host.

use std::sync::Arc;

use rhai::{Array, Dynamic, Map};

use super::{convert::to_dynamic, error::ScriptResult, known::facts, state::Evaluating};
use crate::input::inventory::{Host, Variable};

/// Something that a script can read of a host.
pub(super) struct Property {
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    pub(super) read: fn(&Evaluating, &Arc<Host>) -> ScriptResult<Dynamic>,
    /// Whether two hosts have it in common; none where no two hosts can.
    pub(super) same: Option<fn(&Host, &Host) -> bool>,
}

impl Property {
    /// Whether two hosts have it in common.
    pub(super) fn is_same(&self, one: &Host, other: &Host) -> bool {
        self.same.is_some_and(|same| same(one, other))
    }
}

pub(super) static PROPERTIES: [Property; 5] = [
    Property {
        name: "name",
        meaning: r#"its name in the inventory"#,
        read: |_, host| Ok(host.name.to_string().into()),
        same: None,
    },
    Property {
        name: "address",
        meaning: r#"its address"#,
        read: |_, host| Ok(host.address.clone().into()),
        same: Some(|one, other| one.address == other.address),
    },
    Property {
        name: "groups",
        meaning: r#"the names of the groups that it is in, from `all` to the innermost: `"api" in host.groups`"#,
        read: |_, host| {
            let name = |group: &Arc<str>| Dynamic::from(group.to_string());
            Ok(host.groups.iter().map(name).collect::<Array>().into())
        },
        same: Some(|one, other| one.groups == other.groups),
    },
    Property {
        name: "vars",
        meaning: r#"its variables, from its groups, itself and the command line: `host.vars.port`, `host.vars.get("port") ?? 80`"#,
        read: |state, host| {
            let var =
                |(name, var): (&String, &Variable)| (name.into(), to_dynamic(&var.value, state));
            Ok(host.vars.iter().map(var).collect::<Map>().into())
        },
        same: Some(|one, other| {
            let value = |(name, var): (_, &Variable)| {
                other.vars.get(name).is_some_and(|it| it.value == var.value)
            };
            one.vars.len() == other.vars.len() && one.vars.iter().all(value)
        }),
    },
    Property {
        name: "facts",
        meaning: r#"facts about it, gathered when a script first reads one: `host.facts.os.id`"#,
        read: |state, host| facts(state, host).map(|facts| to_dynamic(facts, state)),
        same: None,
    },
];
