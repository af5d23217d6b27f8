use super::*;

const ID: &str = "4f2c9a1b7d3e5f60718293a4b5c6d7e8f9012345678901234567890abcdef012";
const OTHER: &str = "9b2c9a1b7d3e5f60718293a4b5c6d7e8f9012345678901234567890abcdef012";

fn by_id(path: &str) -> Option<bool> {
    let path = path.replace("OTHER", OTHER).replace("ID", ID);
    in_container(path.as_bytes(), &Container::Id(ID[..12].to_owned())).map(|place| {
        assert_eq!(place.id, Some(ID.as_bytes()), "{path}");
        place.roots
    })
}

fn by_name(path: &str, name: &str) -> Option<bool> {
    in_container(path.as_bytes(), &Container::Name(name.to_owned())).map(|place| place.roots)
}

#[test]
fn every_runtime_writes_the_id_in_its_own_way() {
    for path in [
        // Docker: cgroupfs driver, systemd driver, both with a parent of the operator's; docker exec is in the same.
        "/docker/ID",
        "/docker/ID/init",
        "/trading/ID",
        "/system.slice/docker-ID.scope",
        "/trading.slice/trading-eu.slice/docker-ID.scope/worker",
        // Podman: both drivers, a pod.
        "/machine.slice/libpod-ID.scope",
        "/machine.slice/libpod-ID.scope/container",
        "/machine.slice/machine-libpod_pod_0a1b.slice/libpod-ID.scope",
        "/libpod_parent/libpod-ID",
        // Kubernetes over containerd, CRI-O and the old Docker shim, both drivers.
        "/kubepods/burstable/pod6f1c3a9e-0b7d-4c55-9a57-3f0a8e2d1b11/ID",
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod6f1c.slice/cri-containerd-ID.scope",
        "/kubepods.slice/kubepods-pod6f1c.slice/crio-ID.scope/container",
        "/kubepods/besteffort/pod6f1c/crio-ID",
        "/kubepods.slice/kubepods-pod6f1c.slice/docker-ID.scope",
        "/kubelet.slice/kubelet-kubepods-pod6f1c.slice:cri-containerd:ID",
        // nerdctl and buildkit.
        "/default/ID",
        "/system.slice/nerdctl-ID.scope",
    ] {
        assert_eq!(by_id(path), Some(true), "{path}");
    }
}

#[test]
fn a_group_that_another_user_can_make_matches_and_proves_nothing() {
    for path in [
        // Rootless.
        "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID.scope",
        "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container",
        "/user/trader/0/lxc/ID",
        // Delegated to whoever runs the service: quadlet, containerd with a wrong driver, an impostor.
        "/system.slice/trader.service/libpod-payload-ID",
        "/system.slice/containerd.service/kubepods-burstable-pod6f1c.slice:cri-containerd:ID",
        "/system.slice/impostor.service/docker/ID",
        // Made within another container.
        "/docker/OTHER/docker/ID",
        "/system.slice/docker-OTHER.scope/kubepods/pod1/ID",
        "/lxc.payload.build/docker/ID",
        "/lxc/100/ns/docker/ID",
        // Outside our cgroup namespace: nobody knows what is above.
        "/../docker-ID.scope",
    ] {
        assert_eq!(by_id(path), Some(false), "{path}");
    }
}

#[test]
fn what_only_looks_like_the_container_is_not_it() {
    for path in [
        "/",
        "/system.slice/docker.service",
        "/docker/OTHER",
        "/machine.slice/libpod-conmon-ID.scope",
        "/kubepods.slice/kubepods-pod6f1c.slice/crio-conmon-ID.scope",
        "/docker/4f2c9a1b7d3e",
        "/docker/xID",
        "/docker/IDx",
        "/docker/ID0",
        "/system.slice/docker-ID.service",
        "/system.slice/docker-ID.scope (deleted)",
        "/kubepods/pod4f2c9a1b-7d3e-5f60-7182-93a4b5c6d7e8",
    ] {
        assert_eq!(by_id(path), None, "{path}");
    }
    let whole = Container::Id(ID.to_owned());
    assert!(in_container(format!("/docker/{ID}").as_bytes(), &whole).is_some());
    assert!(in_container(format!("/docker/{}3", &ID[..63]).as_bytes(), &whole).is_none());
    assert_eq!(by_id(&format!("/docker/{}", ID.to_uppercase())), None);
    assert!(in_container(b"/docker/\xff\xff", &whole).is_none());
}

#[test]
fn who_writes_names_is_found_by_name() {
    for (path, name, roots) in [
        ("/machine.slice/machine-build.scope", "build", true),
        ("/machine.slice/machine-build.scope/payload/system.slice/ssh.service", "build", true),
        (r"/machine.slice/machine-build\x2deu.scope", "build-eu", true),
        ("/machine.slice/systemd-nspawn@build.service/payload", "build", true),
        ("/machine.slice/systemd-nspawn@build-eu.service", "build-eu", true),
        ("/lxc.payload.build/init.scope", "build", true),
        ("/lxc/100/ns/init.scope", "100", true),
        ("/default/redis", "redis", true),
        ("/user.slice/user-1000.slice/session-2.scope/lxc.payload.build", "build", false),
        ("/user/trader/0/lxc/build", "build", false),
        ("/lxc/100/ns/lxc/build", "build", false),
        ("/machine.slice/machine-outer.scope/payload/machine.slice/machine-build.scope", "build", false),
    ] {
        assert_eq!(by_name(path, name), Some(roots), "{path}");
    }
    for (path, name) in [
        ("/lxc.monitor.build", "build"),
        ("/lxc.monitor/build", "build"),
        ("/machine.slice/machine-build2.scope", "build"),
        (r"/machine.slice/machine-build\x2deu.scope", r"build\x2d"),
        ("/machine.slice/machine-build.scope", ""),
        ("/build", "build"),
        ("/docker/build", "build"),
        ("/system.slice/build.service", "build"),
    ] {
        assert_eq!(by_name(path, name), None, "{path}");
    }
}
