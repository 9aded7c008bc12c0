"""The node: container runtime, kubelet, Services, network policies, and the relays to its ingress."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from moorage.platform.layout import (
    CLUSTER_DOMAIN,
    DNS_ADDRESS,
    HTTP_NODE_PORT,
    HTTPS_NODE_PORT,
    NODE_ADDRESS,
    NODE_NAME,
    POD_CIDR,
    RUNTIME,
    SERVICE_CIDR,
)
from moorage.platform.processes import Program

if TYPE_CHECKING:
    from moorage.platform.config_files import ConfigFiles

_CAP_SYS_RESOURCE = 24
MAX_PODS = 240
"""Below the number of addresses in `POD_CIDR`."""


def containerd(files: ConfigFiles, pause_image: str) -> Program:
    """Return the container runtime, with our registry as Docker Hub's mirror."""
    certs = files.folder / "certs.d"
    for host in ("docker.io", files.layout.registry):
        server = "https://registry-1.docker.io" if host == "docker.io" else f"http://{host}"
        files.text(
            f"certs.d/{host}/hosts.toml",
            f'server = "{server}"\n[host."http://{files.layout.registry}"]\n  capabilities = ["pull", "resolve"]\n',
        )
    cni = files.json("cni/10-moorage.conflist", _cni())
    path = files.text(
        "containerd.toml",
        f"""
version = 3
root = "{files.layout.data / "containerd"}"
state = "{RUNTIME / "containerd"}"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]
[grpc]
  address = "{files.layout.containerd_socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{files.layout.data / "containerd-opt"}"
[plugins."io.containerd.cri.v1.images"]
  max_concurrent_downloads = 6
  [plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{pause_image}"
  [plugins."io.containerd.cri.v1.images".registry]
config_path = "{certs}"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = {"false" if _may_lower_oom_score() else "true"}
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{files.debian / "usr/lib/cni"}"]
conf_dir = "{cni.parent}"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  BinaryName = "{files.bin("runc")}"
  SystemdCgroup = false
""",
    )
    command = (files.bin("containerd"), "--config", str(path))
    return Program(name="containerd", command=command, env=files.path(), inputs=(path, cni))


def kubelet(files: ConfigFiles) -> Program:
    """Return the node agent."""
    resolv = files.text("resolv.conf", "# The node reaches no name server of the outside.\n")
    path = files.json("kubelet.json", _kubelet_config(files, resolv))
    return Program(
        name="kubelet",
        command=(
            files.bin("kubelet"),
            f"--config={path}",
            f"--kubeconfig={files.pki.folder / 'kubelet.kubeconfig'}",
            f"--root-dir={files.layout.data / 'kubelet'}",
            f"--cert-dir={files.layout.data / 'kubelet' / 'pki'}",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={NODE_ADDRESS}",
            # Usage is known sooner after a start, and autoscalers act on younger figures.
            "--housekeeping-interval=2s",
        ),
        env=files.path(),
        inputs=(path,),
    )


def _kubelet_config(files: ConfigFiles, resolv: Path) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS,
        "healthzBindAddress": "127.0.0.1",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": files.pki.certificate("ca")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": files.pki.certificate("kubelet-serving"),
        "tlsPrivateKeyFile": files.pki.key("kubelet-serving"),
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": CLUSTER_DOMAIN,
        "resolvConf": str(resolv),
        "containerRuntimeEndpoint": f"unix://{files.layout.containerd_socket}",
        "podLogsDir": str(files.layout.data / "pod-logs"),
        "maxPods": MAX_PODS,
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        # 0 would not mean no limit, as the documents say, but the client library's own 5: events came minutes late.
        "eventRecordQPS": 200,
        "eventBurst": 400,
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
        # A developer's disk is often nearly full; evicting the whole stack for that helps nobody.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1Gi", "imagefs.available": "1Gi"},
        "imageGCHighThresholdPercent": 99,
        "imageGCLowThresholdPercent": 98,
    }


def kube_proxy(files: ConfigFiles) -> Program:
    """Return the implementation of Services; conntrack's limits are the host's to set."""
    return Program(
        name="kube-proxy",
        command=(
            files.bin("kube-proxy"),
            f"--kubeconfig={files.pki.folder / 'kube-proxy.kubeconfig'}",
            f"--hostname-override={NODE_NAME}",
            f"--cluster-cidr={POD_CIDR}",
            "--proxy-mode=iptables",
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
            "--oom-score-adj=0",
            "--metrics-bind-address=127.0.0.1:10249",
            "--healthz-bind-address=127.0.0.1:10256",
            "--iptables-min-sync-period=100ms",
        ),
        env=files.path(),
    )


def kube_router(files: ConfigFiles) -> Program:
    """Return the enforcement of network policies, nothing else."""
    return Program(
        name="kube-router",
        command=(
            files.bin("kube-router"),
            "--run-firewall=true",
            "--run-router=false",
            "--run-service-proxy=false",
            f"--kubeconfig={files.pki.folder / 'kube-router.kubeconfig'}",
            f"--hostname-override={NODE_NAME}",
            f"--service-cluster-ip-range={SERVICE_CIDR}",
            "--health-port=20244",
            "--metrics-port=0",
        ),
        env=files.path() | {"NODE_NAME": NODE_NAME},
    )


def forwarders(files: ConfigFiles) -> list[Program]:
    """Return the relays from loopback on the host to the ingress controller on the node."""
    ports = (("http", files.layout.http_port, HTTP_NODE_PORT), ("https", files.layout.https_port, HTTPS_NODE_PORT))
    return [
        Program(
            name=f"forward-{name}",
            command=(
                "socat",
                f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,nodelay,backlog=512",
                f"TCP:{NODE_ADDRESS}:{node_port},nodelay",
            ),
            on_node=False,
        )
        for name, port, node_port in ports
    ]


def _cni() -> dict[str, Any]:
    return {
        "cniVersion": "1.0.0",
        "name": "moorage",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "pods",
                "isGateway": True,
                "ipMasq": False,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(RUNTIME / "cni"),
                    "ranges": [[{"subnet": POD_CIDR}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            }
        ],
    }


def _may_lower_oom_score() -> bool:
    status = Path("/proc/self/status").read_text()
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> _CAP_SYS_RESOURCE & 1)
