//! Reads what is known of a host, and puts together what Ansible says of a network.

use core::net::Ipv4Addr;

use indexmap::IndexMap;

use crate::base::value::Value;

/// What is known of a host, or of a part of it.
pub struct KnownFacts<'a>(pub(super) &'a Value);

impl<'a> KnownFacts<'a> {
    fn at(&self, path: &str) -> Option<&'a Value> {
        path.split('.').try_fold(self.0, |value, name| match value {
            Value::Map(map) => map.get(name),
            _ => None,
        })
    }

    pub(super) fn text(&self, path: &str) -> &'a str {
        self.at(path).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn number(&self, path: &str) -> Value {
        self.at(path).cloned().unwrap_or(Value::Int(0))
    }

    pub(super) fn list(&self, path: &str) -> &'a [Value] {
        match self.at(path) {
            Some(Value::List(items)) => items,
            _ => &[],
        }
    }

    pub(super) fn has(&self, tool: &str) -> bool {
        self.list("tools").iter().any(|it| it.as_str() == Some(tool))
    }

    pub(super) fn family(&self) -> &'a str {
        match self.text("os.family") {
            "debian" => "Debian",
            "redhat" => "RedHat",
            "suse" => "Suse",
            "alpine" => "Alpine",
            "arch" => "Archlinux",
            other => other,
        }
    }

    pub(super) fn interfaces(&self) -> Vec<KnownFacts<'a>> {
        self.list("interfaces").iter().map(KnownFacts).collect()
    }

    /// The addresses of an interface of one family.
    fn own_addresses(&self, six: bool) -> impl Iterator<Item = KnownFacts<'a>> {
        self.list("addresses")
            .iter()
            .map(KnownFacts)
            .filter(move |it| it.text("address").contains(':') == six)
    }

    /// The addresses of all interfaces but the one that leads nowhere.
    pub(super) fn addresses(&self, six: bool) -> Value {
        let interfaces = self.interfaces();
        let others = interfaces.iter().filter(|it| it.text("type") != "loopback");
        Value::List(
            others
                .flat_map(|it| it.own_addresses(six))
                .map(|it| it.text("address").into())
                .collect(),
        )
    }

    /// An interface as Ansible describes it.
    pub(super) fn interface(&self) -> Value {
        let mut parts = self.link("device");
        let addresses: Vec<Value> =
            self.own_addresses(false).map(|it| Value::Map(it.network())).collect();
        let mut addresses = addresses.into_iter();
        if let Some(first) = addresses.next() {
            parts.insert("ipv4".to_owned(), first);
        }
        if addresses.len() > 0 {
            parts.insert("ipv4_secondaries".to_owned(), Value::List(addresses.collect()));
        }
        let six: Vec<Value> = self.own_addresses(true).map(|it| Value::Map(it.network())).collect();
        if !six.is_empty() {
            parts.insert("ipv6".to_owned(), Value::List(six));
        }
        Value::Map(parts)
    }

    /// An interface without its addresses.
    fn link(&self, name: &str) -> IndexMap<String, Value> {
        let mut parts: IndexMap<String, Value> = IndexMap::new();
        parts.insert(name.to_owned(), self.text("name").into());
        if self.text("type") != "loopback" && !self.text("mac").is_empty() {
            parts.insert("macaddress".to_owned(), self.text("mac").into());
        }
        parts.insert("mtu".to_owned(), self.number("mtu"));
        parts.insert("type".to_owned(), self.text("type").into());
        parts
    }

    /// An address, and the network that it is in.
    fn network(&self) -> IndexMap<String, Value> {
        let mut parts: IndexMap<String, Value> = IndexMap::new();
        parts.insert("address".to_owned(), self.text("address").into());
        let prefix = match self.number("prefix") {
            Value::Int(prefix) => prefix.to_string(),
            _ => String::new(),
        };
        if let (Ok(address), Ok(length)) =
            (self.text("address").parse::<Ipv4Addr>(), prefix.parse::<u32>())
        {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(length)).unwrap_or_default();
            let text = |bits: u32| Value::Text(Ipv4Addr::from(bits).to_string());
            parts.insert("broadcast".to_owned(), self.text("broadcast").into());
            parts.insert("netmask".to_owned(), text(mask));
            parts.insert("network".to_owned(), text(u32::from(address) & mask));
        } else {
            parts.insert("scope".to_owned(), self.text("scope").into());
        }
        parts.insert("prefix".to_owned(), Value::Text(prefix));
        parts
    }

    /// The way to everywhere: the interface, its address and its network. Nothing where there is none.
    pub(super) fn default_way(&self, six: bool) -> Value {
        let gateways = self.list("gateways").iter().map(KnownFacts);
        let found = gateways.into_iter().find(|it| it.text("address").contains(':') == six);
        let Some(gateway) = found else { return Value::Map(IndexMap::new()) };
        let interfaces = self.interfaces();
        let Some(interface) =
            interfaces.iter().find(|it| it.text("name") == gateway.text("interface"))
        else {
            return Value::Map(IndexMap::new());
        };
        let addresses: Vec<KnownFacts> = interface.own_addresses(six).collect();
        let is_global = |it: &&KnownFacts| it.text("scope") == "global";
        let Some(address) = addresses.iter().find(is_global).or(addresses.first()) else {
            return Value::Map(IndexMap::new());
        };
        let mut parts = address.network();
        parts.insert("gateway".to_owned(), gateway.text("address").into());
        parts.extend(interface.link("interface"));
        if !six {
            parts.insert("alias".to_owned(), interface.text("name").into());
        }
        Value::Map(parts)
    }
}
