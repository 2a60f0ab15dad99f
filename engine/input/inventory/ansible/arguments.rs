//! Arguments of ssh's command line, as lines of its configuration.

use super::ini::words;

/// Options without an argument that change neither who is reached nor how somebody logs in.
const HARMLESS: &str = "CaKkMNnqTtvXxYyf";

/// The lines that some arguments stand for.
///
/// # Errors
/// When one of them cannot be followed.
pub(super) fn lines(text: &str) -> Result<Vec<String>, String> {
    let words = words(text).map_err(str::to_owned)?;
    let mut words = words.into_iter().map(|(word, _)| word);
    let mut lines = Vec::new();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix('-').filter(|option| !option.is_empty()) else {
            return Err(format!("`{}` is not an option of ssh", word.escape_debug()));
        };
        let mut rest = option;
        while let Some(letter) = rest.chars().next() {
            rest = &rest[letter.len_utf8()..];
            if HARMLESS.contains(letter) {
                continue;
            }
            let keyword = match letter {
                '4' => {
                    lines.push("AddressFamily inet".to_owned());
                    continue;
                }
                '6' => {
                    lines.push("AddressFamily inet6".to_owned());
                    continue;
                }
                'o' => "",
                'J' => "ProxyJump",
                'p' => "Port",
                'i' => "IdentityFile",
                'l' => "User",
                'b' => "BindAddress",
                'B' => "BindInterface",
                'c' => "Ciphers",
                'm' => "MACs",
                // Forwardings, logs and control sockets.
                'D' | 'E' | 'e' | 'L' | 'R' | 'S' | 'O' | 'w' => "LogLevel",
                'F' => {
                    return Err(
                        "-F is not supported: set ssh_config = \"FILE\" in a TOML inventory"
                            .to_owned(),
                    );
                }
                other => return Err(format!("-{} is not supported", other.escape_debug())),
            };
            let value = match rest.is_empty() {
                true => words.next().ok_or_else(|| format!("-{letter} has no value"))?,
                false => rest.to_owned(),
            };
            rest = "";
            match keyword {
                "" => lines.push(value),
                "LogLevel" => {}
                keyword => lines.push(format!("{keyword} {value}")),
            }
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_lines_of_a_configuration() {
        let text = "-o ProxyCommand=\"ssh -W %h:%p -q bastion\" -oPort=2222 -J a,b -4C -i ~/key -o 'StrictHostKeyChecking no' -L 1:x:2";
        let expected = [
            "ProxyCommand=ssh -W %h:%p -q bastion",
            "Port=2222",
            "ProxyJump a,b",
            "AddressFamily inet",
            "IdentityFile ~/key",
            "StrictHostKeyChecking no",
        ];
        assert_eq!(lines(text).unwrap(), expected);
        for text in ["-F file", "host", "-o", "-Q x", "-o \"open"] {
            assert!(lines(text).is_err(), "{text}");
        }
    }
}
