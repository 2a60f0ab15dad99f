//! The `custom` kind.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Retries;
use crate::{
    base::{
        content::{Content, Digest},
        script::Script,
        secret::Text,
    },
    resources::{
        before::Before,
        change::{Change, Field, Shown},
        footprint::Footprint,
        resource::{ArgumentError, Files, Looked, Resource, Step, Unknown, Unreadable},
    },
    sh,
};

/// A kind of your own: a script that prints the state, the state that is wanted, and a script that makes it so.
///
/// Both scripts stop at the first command that fails. White space around the state does not count.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Custom {
    /// What kind of thing it is, such as `database`.
    kind: String,
    /// What tells it from others of its kind.
    key: String,
    /// A script for `sh` that prints the state, and only reads. If it fails with an exit status up to 125, the state counts
    /// as none; with a higher one, or when it is killed, the state is unknown.
    observe: String,
    /// What `observe` prints when all is well; a secret is allowed.
    want: Text,
    /// A script for `sh` that brings it about; `$WANT` holds what is wanted.
    apply: String,
    /// How often `apply` is run once more if it fails. That the state comes out otherwise is no failure of its own: it is
    /// brought about again in up to three rounds.
    #[serde(default)]
    retries: u32,
    /// Seconds between two tries; 5 if not given.
    delay: Option<u32>,
    /// Whether the state is kept from the eye. One that is wanted as a secret always is.
    #[serde(default)]
    sensitive: bool,
}

/// What the script printed.
#[derive(Debug, Serialize)]
pub struct ObservedCustom {
    /// The exit status of the script.
    status: String,
    /// The state, or its digest where it must not be shown.
    state: String,
}

impl Resource for Custom {
    type Arguments = Self;
    type Observed = ObservedCustom;
    type Difference = Change;
    const KIND: &'static str = "custom";
    const FIRST: &'static str = "kind";
    const SECOND: Option<&'static str> = Some("key");
    const OPAQUE: bool = true;

    fn key(&self) -> String {
        format!("{}/{}", self.kind, self.key)
    }

    fn footprint(&self) -> Footprint<'_> {
        Footprint::of_a_script()
    }

    fn resolve(arguments: Self, _: &dyn Files) -> Result<Self, ArgumentError> {
        arguments.check()?;
        Ok(arguments)
    }

    /// A line for each: exit status, how long the output is, and the output in base64, since a state can be any text.
    fn probe(batch: &[&Self]) -> Script {
        let mut script = sh!("state() {{
  state=$(sh -ec \"$1\" 2>/dev/null </dev/null) && code=0 || code=$?
  printf '%s %s ' $code ${{#state}}; printf %s \"$state\" | base64 -w0; say
}}");
        for custom in batch {
            script.push(sh!("state {}", custom.observe));
        }
        script
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Looked<ObservedCustom>>, Unreadable> {
        let unreadable = |message| Unreadable { kind: Self::KIND, message };
        let lines: Vec<&str> = crate::resources::entry::lines(output).collect();
        if lines.len() != batch.len() {
            return Err(unreadable(format!("{} lines for {} states", lines.len(), batch.len())));
        }
        let observe = |(custom, line): (&&Self, &str)| {
            let mut words = line.split(' ');
            let mut next = || words.next().unwrap_or_default();
            let [status, length, encoded] = [next(), next(), next()];
            if !status.parse::<u8>().is_ok_and(|status| status <= 125) {
                let why = format!("its observe ended with exit status {status}");
                return Err(Unknown::new(why));
            }
            let bytes = BASE64_STANDARD.decode(encoded).ok();
            let bytes = bytes.filter(|bytes| length.parse() == Ok(bytes.len()));
            let bytes =
                bytes.ok_or_else(|| Unknown::new("the output of its observe is incomplete"))?;
            let state = String::from_utf8_lossy(&bytes).trim().to_owned();
            let state = if custom.is_sensitive() { digest(&state) } else { state };
            Ok(ObservedCustom { status: status.to_owned(), state })
        };
        Ok(batch.iter().zip(lines).map(observe).collect())
    }

    fn before(&self, _: &ObservedCustom) -> Vec<Before> {
        vec![Before::lost("the effects of a script are unknown")]
    }

    fn can_be_put_back(&self) -> bool {
        false
    }

    fn plan(&self, observed: &ObservedCustom) -> Option<Change> {
        let want = self.want.expose().trim();
        let same = if self.is_sensitive() {
            observed.state == digest(want)
        } else {
            observed.state == want
        };
        if same && observed.status == "0" {
            return None;
        }
        let hidden = || Shown::sensitive();
        let before = match observed.status.as_str() {
            "0" if self.is_sensitive() => hidden(),
            "0" if observed.state.is_empty() => Shown::Nothing,
            "0" => Shown::Text(observed.state.clone()),
            status => Shown::Hidden(format!("observe failed with exit status {status}")),
        };
        let after = if self.is_sensitive() { hidden() } else { want.into() };
        Change::update(vec![Field::new("state", before, after)])
    }

    fn script(&self) -> Option<&str> {
        Some(&self.apply)
    }

    fn apply(&self, _: Option<&()>) -> Step {
        let want = Content::new(self.want.expose().as_bytes()).sensitive(self.is_sensitive());
        let run = self.tries().around(sh!("sh -ec {}", self.apply), &sh!("0"));
        let script =
            sh!("WANT=$(cat {})\nexport WANT\n{}\n[ $code = 0 ] || exit $code", want.staged(), run);
        Step { script, contents: vec![want] }
    }
}

impl Custom {
    /// Checks what the types alone cannot.
    fn check(&self) -> Result<(), ArgumentError> {
        for (argument, text) in [("kind", &self.kind), ("key", &self.key)] {
            if text.trim().is_empty() || text.contains(char::is_control) {
                return Err(ArgumentError::new(
                    argument,
                    format!("the {argument} must be one line"),
                ));
            }
        }
        for (argument, script) in [("observe", &self.observe), ("apply", &self.apply)] {
            if script.trim().is_empty() {
                return Err(ArgumentError::new(argument, "there is nothing to run"));
            }
        }
        self.tries().check()
    }

    fn tries(&self) -> Retries {
        Retries { retries: self.retries, delay: self.delay }
    }

    fn is_sensitive(&self) -> bool {
        self.sensitive || self.want.is_secret()
    }
}

fn digest(state: &str) -> String {
    Digest::of(state.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;

    fn custom(want: Text) -> Custom {
        let text = |text: &str| text.to_owned();
        let (observe, apply) = (text("cat /x"), text("printf %s $WANT >/x"));
        Custom {
            kind: text("k"),
            key: text("a"),
            observe,
            want,
            apply,
            retries: 0,
            delay: None,
            sensitive: false,
        }
    }

    fn change(custom: &Custom, output: &str) -> Option<Change> {
        custom.plan(Custom::observe(&[custom], output).unwrap()[0].as_ref().unwrap())
    }

    #[test]
    fn white_space_around_the_state_does_not_count() {
        let plain = custom(Text::Plain(" on\n".into()));
        assert_eq!(change(&plain, "0 3 b24K\n"), None); // "on\n"
        assert!(change(&plain, "0 3 b2Zm\n").is_some()); // "off"
        assert!(change(&plain, "1 3 b24K\n").is_some());
        for output in
            ["0 3 b24\n", "0 4 b24K\n", "0 3 b24K b24K", "126 3 b24K\n", "x 3 b24K\n", "\n"]
        {
            let observed = Custom::observe(&[&plain], output);
            assert!(observed.is_err() || observed.is_ok_and(|it| it[0].is_err()), "{output:?}");
        }
        assert!(Custom::observe(&[&plain], "").is_err());
    }

    #[test]
    fn a_secret_state_never_shows() {
        let secret = custom(Text::Secret(Secret::new("s", "hunter2")));
        let observed = Custom::observe(&[&secret], "0 7 aHVudGVyMw==\n").unwrap(); // "hunter3"
        let told = format!(
            "{:?} {:?}",
            serde_json::to_string(observed[0].as_ref().unwrap()).unwrap(),
            secret.plan(observed[0].as_ref().unwrap())
        );
        assert!(
            secret.plan(observed[0].as_ref().unwrap()).is_some() && !told.contains("hunter"),
            "{told}"
        );
        assert!(!secret.apply(None).script.text().contains("hunter2"));
        assert_eq!(change(&secret, "0 7 aHVudGVyMg==\n"), None);
    }
}
