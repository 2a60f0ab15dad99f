//! Errors in an inventory.

use converge::{
    base::diagnostic::Source,
    input::inventory::{Assignment, Given, Inventory, InventoryFormat},
};

use crate::shown;

fn given(name: &str, format: InventoryFormat, text: &str) -> Given {
    Given { source: Source::new(name, text), format, folder: "/lab".into(), home: "/home".into() }
}

fn error(text: &str) -> String {
    let given = given("inventory/lab.toml", InventoryFormat::Toml, text);
    shown(&Inventory::parse(&[given], &[]).unwrap_err())
}

macro_rules! snapshots {
    ($($name:ident: $text:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(error($text));
        }
    )*};
}

snapshots! {
    text_that_is_no_toml: "[hosts]\nweb-1 = {\n";
    an_unknown_key_of_a_host: "[hosts]\nweb-1 = { adress = \"10.0.0.1\" }\n";
    an_unknown_key_of_the_file: "[host]\nweb-1 = {}\n";
    a_value_of_the_wrong_type: "[hosts]\nweb-1 = \"10.0.0.1\"\n";
    a_connection_that_cannot_be: "[connection]\nuser = \"ops\"\nbecome = \"sduo\"\n";
    a_port_that_cannot_be: "[hosts]\nweb-1 = { port = 99999 }\n";
    a_group_with_an_unknown_host: "[hosts]\nweb-1 = {}\n\n[groups.web]\nhosts = [\"web-1\", \"wbe-2\"]\n";
    a_group_with_a_host_as_child: "[hosts]\nweb-1 = {}\n\n[groups.web]\nchildren = [\"web-1\"]\n";
    an_unknown_child: "[groups.web]\n[groups.front]\nchildren = [\"wbe\"]\n";
    groups_in_a_circle:
        "[groups.a]\nchildren = [\"b\"]\n[groups.b]\nchildren = [\"c\"]\n[groups.c]\nchildren = [\"a\"]\n";
    a_group_in_itself: "[groups.a]\nchildren = [\"a\"]\n";
    groups_that_disagree:
        "[hosts]\nweb-1 = {}\n[groups.blue]\nhosts = [\"web-1\"]\nvars = { size = 1 }\n\
         [groups.green]\nhosts = [\"web-1\"]\nvars = { size = 2 }\n";
    an_odd_host_name: "[hosts]\n\"web 1;reboot\" = {}\n";
    a_host_name_with_bare_dots: "[hosts]\nweb.example = { user = \"root\" }\n";
    a_host_and_a_group_of_one_name: "[hosts]\nweb = {}\n[groups.web]\nhosts = [\"web\"]\n";
    a_group_called_all: "[groups.all]\nvars = { x = 1 }\n";
    a_variable_that_scripts_cannot_say: "[vars]\napi-port = 1\n";
    a_range_that_counts_down: "[hosts]\n\"db-[03:01]\" = {}\n";
    one_address_for_a_range: "[hosts]\n\"db-[01:03]\" = { address = \"10.0.0.1\" }\n";
}

#[test]
fn a_host_in_two_files() {
    let one = given("inventory/one.toml", InventoryFormat::Toml, "[hosts]\nweb-1 = {}\n");
    let two = given("inventory/two.toml", InventoryFormat::Toml, "# more\n[hosts]\nweb-1 = {}\n");
    insta::assert_snapshot!(shown(&Inventory::parse(&[one, two], &[]).unwrap_err()));
}

#[test]
fn a_program_that_prints_something_else() {
    let text = "{\n  \"web\": { \"hosts\": \"web-1\" }\n}\n";
    let given = given("inventory/hosts.py", InventoryFormat::Json, text);
    insta::assert_snapshot!(shown(&Inventory::parse(&[given], &[]).unwrap_err()));
}

#[test]
fn a_pattern_with_a_slip() {
    let given = given("lab.toml", InventoryFormat::Toml, "[hosts]\nweb-1 = {}\n");
    let inventory = Inventory::parse(&[given], &[]).unwrap();
    insta::assert_snapshot!(shown(&inventory.select("web-1 & !wbe-1").unwrap_err()));
}

#[test]
fn an_assignment_without_a_value() {
    insta::assert_snapshot!(shown(&Assignment::parse("version").unwrap_err()));
}
