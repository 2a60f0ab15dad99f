//! The Rhai engine that scripts run in: no disk, no network, no clock, and limits on everything.

use rhai::{
    Engine, OptimizationLevel, Token,
    packages::{
        BasicArrayPackage, BasicMapPackage, BasicMathPackage, BitFieldPackage, CorePackage,
        LogicPackage, MoreStringPackage, Package,
    },
};

use super::{call, compare, declare, hosts, libraries, ordered, roles, rolling, state::Evaluating};
use crate::base::diagnostic::Diagnostic;

/// A million operations take about a millisecond; no honest playbook comes near this.
const OPERATIONS_MAX: u64 = 50_000_000;
const CALL_LEVELS_MAX: usize = 64;
const EXPRESSION_DEPTH_MAX: usize = 64;
const TEXT_MAX: usize = 16 * 1024 * 1024;
const ITEMS_MAX: usize = 1_000_000;

/// An engine whose functions write to `state`, and the errors in the libraries of roles.
pub(super) fn engine(state: &Evaluating) -> (Engine, Vec<Diagnostic>) {
    let mut engine = bare();
    compare::register(&mut engine, state);
    ordered::register(&mut engine, state);
    hosts::register(&mut engine, state);
    declare::register(&mut engine, state);
    call::register(&mut engine, state);
    rolling::register(&mut engine, state);
    roles::register(&mut engine, state);
    let errors = libraries::register(&mut engine, state);
    (engine, errors)
}

/// The language without our functions: enough to compile a script.
fn bare() -> Engine {
    let mut engine = Engine::new_raw();
    CorePackage::new().register_into_engine(&mut engine);
    BitFieldPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    engine.disable_symbol("eval");
    // Constant folding would lose the positions of map keys, and keep constants of an earlier call of a role.
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_strict_variables(true);
    engine.set_fail_on_invalid_map_property(true);
    engine.set_max_operations(OPERATIONS_MAX);
    engine.set_max_call_levels(CALL_LEVELS_MAX);
    engine.set_max_expr_depths(EXPRESSION_DEPTH_MAX, EXPRESSION_DEPTH_MAX);
    engine.set_max_string_size(TEXT_MAX);
    engine.set_max_array_size(ITEMS_MAX);
    engine.set_max_map_size(ITEMS_MAX);
    free_reserved_words(&mut engine);
    compare::free_operators(&mut engine);
    engine
}

/// Words that Rhai keeps for later, and that roles need as names of functions and keys.
const FREED_WORDS: &[&str] =
    &["package", "default", "with", "use", "new", "match", "public", "exit"];

#[expect(deprecated, reason = "the only way to free a reserved word; the API is marked volatile")]
fn free_reserved_words(engine: &mut Engine) {
    engine.on_parse_token(|token, _, _| match token {
        Token::Reserved(word) if FREED_WORDS.contains(&word.as_str()) => Token::Identifier(word),
        token => token,
    });
}
