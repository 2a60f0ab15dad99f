//! What a host says of its network.

use std::collections::BTreeMap;

use super::{FactsOutput, map};
use crate::base::value::Value;

/// Its interfaces in the order of their names, each with its addresses, as `ip -o addr` shows them.
pub(super) fn interfaces(said: &FactsOutput) -> Value {
    let mut addresses: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for line in said.addresses() {
        if let Some((interface, address)) = address(line) {
            addresses.entry(interface).or_default().push(address);
        }
    }
    let mut links: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for link in said.all("link") {
        let mut words = link.split(' ');
        links.insert(words.next().unwrap_or_default(), words.collect());
    }
    for name in addresses.keys() {
        links.entry(name).or_default();
    }
    let interface = |(name, about): (&str, Vec<&str>)| {
        let text = |at: usize| about.get(at).copied().filter(|it| *it != "-").unwrap_or_default();
        let kind = match text(0) {
            "1" => "ether",
            "772" => "loopback",
            "32" => "infiniband",
            "512" => "ppp",
            "776" | "768" | "778" => "tunnel",
            _ => "unknown",
        };
        map([
            ("name", Value::from(name)),
            ("type", Value::from(kind)),
            ("mac", Value::from(text(1))),
            ("mtu", text(2).parse().map_or(Value::Null, Value::Int)),
            ("addresses", Value::List(addresses.get(name).cloned().unwrap_or_default())),
        ])
    };
    Value::List(links.into_iter().map(interface).collect())
}

/// A line of `ip -o addr`: the interface, and its address.
fn address(line: &str) -> Option<(&str, Value)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, interface, "inet" | "inet6", address, rest @ ..] = &words[..] else { return None };
    let (address, prefix) = address.split_once('/').unwrap_or((address, ""));
    let after = |name: &str| {
        let at = rest.iter().position(|word| *word == name);
        at.and_then(|at| rest.get(at + 1)).copied().unwrap_or_default()
    };
    let parts = map([
        ("address", Value::from(address)),
        ("prefix", prefix.parse().map_or(Value::Null, Value::Int)),
        ("broadcast", Value::from(after("brd"))),
        ("scope", Value::from(after("scope"))),
    ]);
    Some((interface.split('@').next().unwrap_or(interface), parts))
}

/// Its addresses of global scope.
pub(super) fn addresses(said: &FactsOutput) -> Value {
    let is_global = |address: &Value| text(address, "scope") == Some("global");
    let address = |line| address(line).map(|(_, address)| address).filter(is_global);
    let own = |address: Value| text(&address, "address").map(Value::from);
    Value::List(said.addresses().filter_map(address).filter_map(own).collect())
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    match value {
        Value::Map(parts) => parts.get(name)?.as_str(),
        _ => None,
    }
}

/// Where packets go that have no other way: that of IPv4 and that of IPv6, as far as they are there.
pub(super) fn gateways(said: &FactsOutput) -> Value {
    let best = |key: &str, radix: u32| {
        said.all(key)
            .filter_map(|line| {
                let mut words = line.split(' ');
                let (interface, via) = (words.next()?, words.next()?);
                let metric = u64::from_str_radix(words.next()?, radix).ok()?;
                (interface != "lo").then_some((metric, interface, via))
            })
            .min_by_key(|(metric, ..)| *metric)
    };
    let four = best("route4", 10).map(|(_, interface, via)| {
        // The kernel shows the number as it lies in memory.
        let number = u32::from_str_radix(via, 16).unwrap_or_default();
        (interface, core::net::Ipv4Addr::from(number.to_ne_bytes()).to_string())
    });
    let six = best("route6", 16).map(|(_, interface, via)| {
        let number = u128::from_str_radix(via, 16).unwrap_or_default();
        (interface, core::net::Ipv6Addr::from(number).to_string())
    });
    let gateway = |(interface, address): (&str, String)| {
        map([("interface", Value::from(interface)), ("address", Value::Text(address))])
    };
    Value::List(four.into_iter().chain(six).map(gateway).collect())
}

/// Its name with the domain: the first name with a dot that `/etc/hosts` has for it.
pub(super) fn full_name(said: &FactsOutput, hostname: &str) -> String {
    let names = said.all("hosts").map(|line| line.split('#').next().unwrap_or_default());
    let mut own = names.filter(|line| line.split_whitespace().skip(1).any(|it| it == hostname));
    let full = own.find_map(|line| line.split_whitespace().skip(1).find(|name| name.contains('.')));
    if hostname.contains('.') { hostname } else { full.unwrap_or(hostname) }.to_owned()
}

/// What resolves names for it, and the domains that it looks in.
pub(super) fn resolver(said: &FactsOutput) -> Value {
    let of = |keyword: &str| {
        let words = said.all("resolv").map(str::split_whitespace);
        let of = words.filter_map(|mut words| (words.next() == Some(keyword)).then_some(words));
        Value::List(of.flatten().map(Value::from).collect())
    };
    map([("nameservers", of("nameserver")), ("search", of("search"))])
}
