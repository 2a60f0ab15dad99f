//! The one way to write what can be written in several: what a role says and what Docker keeps are compared in it.

use super::ContainerConfig;

/// A configuration in the one way to write it.
pub fn all(config: &ContainerConfig) -> ContainerConfig {
    let values = config.iter().map(|(name, values)| (name.clone(), canonical(name, values)));
    values.filter(|(_, values)| !values.is_empty()).collect()
}

/// The values of an argument in the one way to write them.
pub(super) fn canonical(argument: &str, values: &[String]) -> Vec<String> {
    let each = |one: fn(&str) -> String| values.iter().map(|value| one(value)).collect();
    let mut values: Vec<String> = match argument {
        "ports" => values.iter().flat_map(|value| ports(value)).collect(),
        "memory" => each(memory),
        "cpus" => each(cpus),
        "cap_add" | "cap_drop" => capabilities(values),
        "security_opt" => each(security_option),
        "restart" => each(restart),
        "extra_hosts" => each(|it| it.replacen('=', ":", usize::from(!it.contains(':')))),
        "network" => values.iter().filter(|it| !is_default_network(it)).cloned().collect(),
        _ => values.to_vec(),
    };
    if argument != "command" {
        values.sort();
        values.dedup();
    }
    values
}

/// A port to publish, as `ADDRESS:PORT:PORT/PROTOCOL`: one for each of a range, as Docker takes it apart.
fn ports(text: &str) -> Vec<String> {
    let (rest, protocol) = text.rsplit_once('/').unwrap_or((text, "tcp"));
    let protocol = protocol.to_ascii_lowercase();
    let (rest, inside) = rest.rsplit_once(':').unwrap_or(("", rest));
    let (address, outside) = rest.rsplit_once(':').unwrap_or(("", rest));
    let address = address.trim_start_matches('[').trim_end_matches(']');
    let range = |text: &str| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some((first.parse::<u16>().ok()?, last.parse::<u16>().ok()?))
    };
    let Some((first, last)) = range(inside).filter(|(first, last)| first <= last) else {
        return vec![text.to_owned()];
    };
    let one = |port: u16, outside: &str| published(address, outside, &format!("{port}/{protocol}"));
    match range(outside) {
        // Of a range Docker takes a port that is free.
        Some((from, to)) if first == last && from != to => vec![one(first, outside)],
        Some((from, _)) => {
            (first..=last).zip(from..).map(|(it, from)| one(it, &from.to_string())).collect()
        }
        None => (first..=last).map(|it| one(it, outside)).collect(),
    }
}

/// A published port, as it is written here.
pub(super) fn published(address: &str, outside: &str, inside: &str) -> String {
    let outside = if outside == "0" { "" } else { outside };
    match address {
        "" => format!("{outside}:{inside}"),
        _ if address.contains(':') => format!("[{address}]:{outside}:{inside}"),
        _ => format!("{address}:{outside}:{inside}"),
    }
}

/// An amount of memory, which Docker keeps in bytes.
fn memory(text: &str) -> String {
    const UNITS: &str = "bkmgtp";
    let lower = text.trim().to_ascii_lowercase();
    let number = lower.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = lower[number.len()..].trim_start().trim_end_matches('b').trim_end_matches('i');
    let power = if unit.is_empty() { Some(0) } else { UNITS.find(unit) };
    let (Ok(number), Some(power)) = (number.parse::<f64>(), power) else {
        return text.to_owned();
    };
    #[expect(clippy::cast_possible_truncation, reason = "Docker cuts off a part of a byte too")]
    let bytes = (number * 1024_f64.powi(i32::try_from(power).unwrap_or_default())) as i64;
    bytes_as_text(bytes)
}

/// Bytes in the largest unit in which they are a whole number.
pub(super) fn bytes_as_text(bytes: i64) -> String {
    let whole = |(shift, unit): (u32, &str)| {
        (bytes != 0 && bytes % (1 << shift) == 0).then(|| format!("{}{unit}", bytes >> shift))
    };
    let units = [(30, "g"), (20, "m"), (10, "k")];
    units.into_iter().find_map(whole).unwrap_or_else(|| bytes.to_string())
}

/// A share of processors, which Docker keeps in billionths.
fn cpus(text: &str) -> String {
    let Ok(number) = text.parse::<f64>() else { return text.to_owned() };
    #[expect(clippy::cast_possible_truncation, reason = "it is a whole number")]
    let billionths = (number * 1e9).round() as i64;
    billionths_as_text(billionths)
}

/// Billionths as a decimal number.
pub(super) fn billionths_as_text(billionths: i64) -> String {
    let text = format!("{}.{:09}", billionths / 1_000_000_000, billionths % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Capabilities with their whole names; beside all of them others mean nothing.
fn capabilities(values: &[String]) -> Vec<String> {
    let whole = |value: &String| {
        let name = value.to_ascii_uppercase();
        if name == "ALL" || name.starts_with("CAP_") { name } else { format!("CAP_{name}") }
    };
    let names: Vec<String> = values.iter().map(whole).collect();
    if names.iter().any(|name| name == "ALL") { vec!["ALL".to_owned()] } else { names }
}

fn security_option(text: &str) -> String {
    let text = text.replacen(':', "=", usize::from(!text.contains('=')));
    text.strip_suffix("=true").map_or(text.clone(), str::to_owned)
}

fn restart(text: &str) -> String {
    match text {
        "" => "no".to_owned(),
        _ => text.trim_end_matches(":0").to_owned(),
    }
}

fn is_default_network(name: &str) -> bool {
    matches!(name, "" | "default" | "bridge")
}

/// A reference with nothing left out: `nginx` is `docker.io/library/nginx:latest`. A digest makes the tag mean nothing.
pub fn full(reference: &str) -> String {
    let (name, digest) = reference.split_once('@').unwrap_or((reference, ""));
    let (path, tag) = match name.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, tag),
        _ => (name, "latest"),
    };
    let path = path.strip_prefix("docker.io/").unwrap_or(path);
    let path = match path.split_once('/') {
        None => format!("docker.io/library/{path}"),
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => path.to_owned(),
        Some(_) => format!("docker.io/{path}"),
    };
    if digest.is_empty() { format!("{path}:{tag}") } else { format!("{path}@{digest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(argument: &str, value: &str) -> String {
        canonical(argument, &[value.to_owned()]).join(" ")
    }

    #[test]
    fn what_means_the_same_is_written_the_same() {
        let same = [
            ("ports", "8080:3000", "8080:3000/tcp"),
            ("ports", "3000", ":3000/tcp"),
            ("ports", "127.0.0.1::80/UDP", "127.0.0.1::80/udp"),
            ("ports", "[::1]:80:81", "[::1]:80:81/tcp"),
            ("ports", "80-81:90-91", "80:90/tcp 81:91/tcp"),
            ("ports", "8000-8010:80", "8000-8010:80/tcp"),
            ("memory", "262144k", "256m"),
            ("memory", "1.5g", "1536m"),
            ("memory", "64MiB", "64m"),
            ("memory", "1000", "1000"),
            ("cpus", "0.50", "0.5"),
            ("cpus", "2.0", "2"),
            ("cap_add", "net_admin", "CAP_NET_ADMIN"),
            ("security_opt", "no-new-privileges:true", "no-new-privileges"),
            ("security_opt", "label:disable", "label=disable"),
            ("restart", "on-failure:0", "on-failure"),
            ("network", "bridge", ""),
            ("extra_hosts", "a=::1", "a=::1"),
            ("extra_hosts", "a=10.0.0.1", "a:10.0.0.1"),
        ];
        for (argument, text, wanted) in same {
            assert_eq!(of(argument, text), wanted, "{argument} {text}");
        }
        for (argument, one, other) in
            [("ports", "80:80", "0.0.0.0:80:80"), ("memory", "1g", "1gx"), ("cpus", "1", "1.1")]
        {
            assert_ne!(of(argument, one), of(argument, other), "{argument}");
        }
        assert_eq!(full("r:5000/api"), "r:5000/api:latest");
    }
}
