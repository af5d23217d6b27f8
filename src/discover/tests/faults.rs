//! Unknown is not gone: a scan in which any one read about a process fails, in any way.

use super::{Scene, Victim, found, lost, marker, targets};
use crate::kernel::Proc;
use crate::kernel::faulty::{Fault, Plan};

/// More reads than a look at one process makes.
const READS: usize = 40;

#[test]
fn a_member_whose_reads_fail_stays_a_member() {
    let marker = marker();
    let (victim, bystander) = (Victim::sleeping(&marker), Victim::sleeping(&marker));
    let config = targets(&[&format!("match = {{ cmdline = '{marker}' }}"), "match = { user = 'root', comm = 'sh' }"]);
    let mut struck = 0;
    for fault in Fault::ALL {
        for at in 0..READS {
            let plan = Plan::of(victim.pid(), fault, at);
            plan.pause();
            let mut scene = Scene::over(&config, Proc::live().unwrap().with_faults(plan.clone()));
            assert!(found(&scene.scan(), 0).contains(&victim.pid()));
            plan.resume();
            let changes = scene.scan_all();
            let done = !plan.struck();
            // A cut or empty command line is a true one as far as anybody can tell.
            let believable = matches!(fault, Fault::Truncated | Fault::Emptied);
            assert!(believable || lost(&changes).is_empty(), "{fault:?} at read {at}: {changes:?}");
            assert!(!lost(&changes).contains(&bystander.pid()));
            struck += usize::from(!done);
            if done {
                break;
            }
        }
    }
    assert!(struck >= 4 * Fault::ALL.len(), "{struck}");
}

#[test]
fn a_process_whose_reads_fail_is_found_soon() {
    let marker = marker();
    let config = targets(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    for fault in Fault::ALL {
        // Young ones each time: what was read of others is believed until they exec.
        let (victim, bystander) = (Victim::sleeping(&marker), Victim::sleeping(&marker));
        for at in 0..READS {
            let plan = Plan::of(victim.pid(), fault, at);
            let mut scene = Scene::over(&config, Proc::live().unwrap().with_faults(plan.clone()));
            let mut changes = scene.scan();
            assert!(found(&changes, 0).contains(&bystander.pid()), "{fault:?} at read {at}");
            changes.extend(scene.scan());
            // What is denied is asked again with everybody.
            changes.extend(scene.scan_all());
            assert!(found(&changes, 0).contains(&victim.pid()), "{fault:?} at read {at}");
            if !plan.struck() {
                break;
            }
        }
    }
}
