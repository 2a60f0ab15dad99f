//! What is asked of a host only when a script wants to know: its system, its architecture, its names.
//!
//! Nothing here changes by itself, such as free memory or a time: a fact must not make a plan flicker.

use indexmap::IndexMap;

use crate::{script::Script, sh, value::Value};

/// Reads the facts of a host: two processes.
pub fn script() -> Script {
    sh!(
        "uname -s -r -m -n
if [ -r /proc/meminfo ]; then read -r _ kb _ </proc/meminfo; say \"memory_kb=$kb\"; fi
cpus=0; while read -r key _; do case $key in processor) cpus=$((cpus + 1));; esac; done </proc/cpuinfo
say \"cpus=$cpus\"
for tool in systemctl apt-get apk docker; do if has $tool; then say \"tool=$tool\"; fi; done
if [ -r /etc/os-release ]; then while IFS= read -r line; do say \"os:$line\"; done </etc/os-release; fi
if has ip; then ip -o addr show scope global; fi"
    )
}

/// Reads what [`script`] printed. What a host does not say is an empty text, or 0.
pub fn parse(output: &str) -> Value {
    let mut lines = output.lines();
    let mut uname = lines.next().unwrap_or_default().split(' ');
    let [kernel, hostname, release, architecture] =
        [(); 4].map(|()| uname.next().unwrap_or_default().to_owned());
    let mut os = IndexMap::new();
    let (mut memory, mut cpus) = (0, 0);
    let mut tools = Vec::new();
    let mut addresses = Vec::new();
    for line in lines {
        if let Some((name, value)) = line.strip_prefix("os:").and_then(|it| it.split_once('=')) {
            os.insert(name.to_owned(), value.trim_matches(['"', '\'']).to_owned());
        } else if let Some(kb) = line.strip_prefix("memory_kb=") {
            memory = kb.parse::<i64>().unwrap_or_default() / 1024;
        } else if let Some(count) = line.strip_prefix("cpus=") {
            cpus = count.parse().unwrap_or_default();
        } else if let Some(tool) = line.strip_prefix("tool=") {
            tools.push(Value::from(tool));
        } else if let [_, _, "inet" | "inet6", address, ..] =
            line.split_whitespace().collect::<Vec<_>>()[..]
        {
            addresses.push(Value::from(address.split('/').next().unwrap_or_default()));
        }
    }
    let os = |name: &str| Value::Text(os.get(name).cloned().unwrap_or_default());
    map([
        ("hostname", Value::Text(hostname)),
        ("kernel", map([("name", Value::Text(kernel)), ("release", Value::Text(release))])),
        ("architecture", Value::Text(architecture)),
        (
            "os",
            map([
                ("id", os("ID")),
                ("like", os("ID_LIKE")),
                ("name", os("PRETTY_NAME")),
                ("version", os("VERSION_ID")),
                ("codename", os("VERSION_CODENAME")),
            ]),
        ),
        ("memory_mib", Value::Int(memory)),
        ("cpus", Value::Int(cpus)),
        ("tools", Value::List(tools)),
        ("addresses", Value::List(addresses)),
    ])
}

fn map<const N: usize>(parts: [(&str, Value); N]) -> Value {
    Value::Map(parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_and_missing_ones_are_empty() {
        let facts = parse(
            "Linux web-1 6.1.0 x86_64\nmemory_kb=2048000\ncpus=2\ntool=apt-get\n\
             os:# not a word of this\nos:ID=debian\nos:PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n\
             2: eth0    inet 10.77.0.31/24 brd 10.77.0.255 scope global eth0\n",
        );
        let json = serde_json::to_value(&facts).unwrap();
        assert_eq!(json["hostname"], "web-1");
        assert_eq!(json["architecture"], "x86_64");
        assert_eq!(json["os"]["id"], "debian");
        assert_eq!(json["os"]["codename"], "");
        assert_eq!(json["memory_mib"], 2000);
        assert_eq!(json["addresses"], serde_json::json!(["10.77.0.31"]));
        assert_eq!(serde_json::to_value(parse("")).unwrap()["cpus"], 0);
    }
}
