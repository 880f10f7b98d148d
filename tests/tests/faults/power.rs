//! One short history, with every fault at every operation of it.

use std::ops::Range;

use placet_ledger::Error;

use super::machine::{Fault, Survives};
use super::world::{World, unsigned};

/// What is done, in order; a letter each, so that a failure can be read.
///
/// s submit, c commit, p publish, e erase, r restart in good order
const HISTORY: &str = "ssc p ssscc e p rssc e ssp c r scp";

/// Seeds of histories, each with other statements and keys, and the sizes of the log before them:
/// from nothing, over the end of a tile, and of one that is not the first.
const HISTORIES: [(u64, u64); 3] = [(1, 0), (2, 250), (3, 760)];

/// Does the history, or the rest of it, until the process dies.
fn live(world: &mut World, history: &str) -> Result<(), Error> {
    for act in history.chars() {
        if world.machine.dead() {
            return Ok(());
        }
        if act == 'r' || !world.is_open() {
            world.open()?;
        }
        // What an act says is judged by what is true afterwards.
        match act {
            's' => world.submit(),
            'c' => world.step(),
            'p' => drop(world.publish()),
            'e' => drop(world.erase()),
            _ => (),
        }
    }
    Ok(())
}

/// A life in which nothing goes wrong must follow, and nothing be lost in it.
fn live_on(world: &mut World) {
    world.machine.restart();
    let shown = world.shown();
    world.open().unwrap_or_else(|e| panic!("the log does not open: {}: {e}", e.code()));
    world.check();
    world.check_shown(&shown, &world.log().clone());
    live(world, "sscpsce").unwrap();
    world.check();
}

/// A world as it is before the history.
fn begin((seed, size): (u64, u64)) -> World {
    let mut world = World::new(seed, unsigned);
    if size > 0 {
        world.prefill(size);
    }
    world
}

/// The operations of the history.
fn operations(history: (u64, u64)) -> Range<u64> {
    let mut world = begin(history);
    let start = world.machine.operations();
    live(&mut world, HISTORY).unwrap();
    world.check();
    world.fsck();
    start..world.machine.operations()
}

/// With `PLACET_FAULTS=all` no operation is left out.
fn stride() -> usize {
    if super::all() { 1 } else { 13 }
}

/// Calls `run` with each operation of each history.
fn at_each(mut run: impl FnMut((u64, u64), u64)) -> u64 {
    let mut tried = 0;
    for history in HISTORIES {
        for at in operations(history).step_by(stride()) {
            tried += 1;
            run(history, at);
        }
    }
    tried
}

#[test]
fn power_cut_at_every_operation() {
    let cuts = [Survives::Nothing, Survives::Names, Survives::Everything, Survives::Some];
    let tried = at_each(|history, at| {
        for fault in [Fault::KillBefore, Fault::KillAfter] {
            for (n, survives) in cuts.into_iter().enumerate() {
                let mut world = begin(history);
                world.machine.plan(at, fault);
                let _ = live(&mut world, HISTORY);
                world.close();
                world.machine.power_cut(survives);
                live_on(&mut world);
                if n == 3 && at % 5 == 0 {
                    world.fsck();
                }
            }
        }
    });
    println!("power cut: {} cuts at {tried} operations", tried * 8);
}

/// What a process wrote and did not flush is shown to the next one, which must not tell anybody of
/// it before it is durable.
#[test]
fn kill_at_every_operation_and_a_power_cut_in_the_next_life() {
    let tried = at_each(|history, at| {
        for (again, survives) in [(0, Survives::Names), (3, Survives::Some), (9, Survives::Some)] {
            let mut world = begin(history);
            world.machine.plan(at, Fault::KillAfter);
            let _ = live(&mut world, HISTORY);
            world.close();
            world.machine.restart();
            if again > 0 {
                // The next life ends early as well: in the middle of recovery, or soon behind it.
                world.machine.plan(at + again, Fault::KillBefore);
            }
            match world.open() {
                Ok(()) if !world.machine.dead() => {
                    world.check();
                    let _ = live(&mut world, "sc");
                }
                _ => {}
            }
            world.close();
            world.machine.power_cut(survives);
            live_on(&mut world);
        }
    });
    println!("kill, restart, power cut: {} at {tried} operations", tried * 3);
}

/// A failed write or flush: either nothing of it matters, or nothing is written any more. Reading
/// goes on, and the next process finds everything, with the power cut or not.
#[test]
fn an_io_error_at_every_operation() {
    let tried = at_each(|history, at| {
        for cut in [None, Some(Survives::Nothing), Some(Survives::Names), Some(Survives::Some)] {
            let mut world = begin(history);
            world.machine.plan(at, Fault::Io);
            let opened = live(&mut world, HISTORY);
            assert!(world.machine.hit());
            if opened.is_ok() && world.is_open() {
                world.check();
            }
            world.close();
            if let Some(survives) = cut {
                // After a restart in between, which sees what the failed flush left in memory.
                if at % 2 == 0 {
                    world.machine.restart();
                    world.open().unwrap();
                    world.check();
                    world.close();
                }
                world.machine.power_cut(survives);
            }
            live_on(&mut world);
        }
    });
    println!("EIO: {} at {tried} operations", tried * 4);
}

/// A full disk refuses, keeps being read, and is as good as new when there is space again, in the
/// same process.
#[test]
fn no_space_from_every_operation_on() {
    let (mut refused, mut tried) = (0, 0);
    for history in HISTORIES {
        for at in operations(history).step_by(stride()) {
            tried += 1;
            let mut world = begin(history);
            world.machine.plan(at, Fault::Full);
            let first = live(&mut world, HISTORY);
            if world.is_open() && first.is_ok() {
                assert_eq!(world.log().health().stopped, None, "{history:?}, operation {at}");
                world.check();
            }
            world.machine.free();
            if !world.is_open() {
                world.open().unwrap();
            }
            live(&mut world, "scpsscep").unwrap();
            assert_eq!(world.told.stopped, 0, "{history:?}, operation {at}");
            world.publish().unwrap();
            world.check();
            let shown = world.shown();
            world.check_shown(&shown, &world.log().clone());
            refused += world.told.full;
            world.close();
            world.machine.power_cut(Survives::Nothing);
            live_on(&mut world);
        }
    }
    println!("ENOSPC: at {tried} operations, {refused} calls refused");
    assert!(refused > 0);
}

/// The disk is full while a note is published, for a moment. What is offered and published from
/// then on, by this process and by the next one, has to stand a power cut.
#[test]
fn no_space_while_publishing_and_a_power_cut_in_the_next_life() {
    let mut tried = 0;
    for history in HISTORIES {
        for offset in 0.. {
            tried += 1;
            let mut hit = false;
            for survives in [Survives::Nothing, Survives::Names, Survives::Some] {
                let mut world = begin(history);
                live(&mut world, "sscssc").unwrap();
                world.machine.plan(world.machine.operations() + offset, Fault::Full);
                let _ = world.publish_head();
                hit = world.machine.hit();
                world.machine.free();
                world.close_in_order();
                world.machine.restart();
                world.open().unwrap();
                world.check();
                world.close();
                world.machine.power_cut(survives);
                live_on(&mut world);
            }
            if !hit {
                break;
            }
        }
    }
    println!("ENOSPC while publishing: at {tried} operations");
}

#[test]
fn a_short_write_at_every_operation_is_gone_on_with() {
    let tried = at_each(|history, at| {
        let mut world = begin(history);
        world.machine.plan(at, Fault::Short);
        live(&mut world, HISTORY).unwrap();
        assert_eq!((world.told.stopped, world.told.full), (0, 0));
        world.check();
        world.close();
        world.machine.power_cut(Survives::Nothing);
        live_on(&mut world);
    });
    println!("short writes: at {tried} operations");
}
