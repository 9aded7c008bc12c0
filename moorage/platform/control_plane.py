"""The control plane: etcd, API server, controllers, scheduler; certificates on every connection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from moorage.platform.layout import API_PORT, CLUSTER_DOMAIN, NODE_ADDRESS, NODE_NAME, SERVICE_CIDR
from moorage.platform.processes import Program

if TYPE_CHECKING:
    from moorage.platform.config_files import ConfigFiles

ETCD_PORT = 2379


def etcd(files: ConfigFiles) -> Program:
    """Return the cluster's store; client certificates are required."""
    url = f"https://127.0.0.1:{ETCD_PORT}"
    return Program(
        name="etcd",
        command=(
            files.bin("etcd"),
            f"--data-dir={files.layout.data / 'etcd'}",
            f"--name={NODE_NAME}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--initial-advertise-peer-urls=http://127.0.0.1:2380",
            f"--initial-cluster={NODE_NAME}=http://127.0.0.1:2380",
            f"--cert-file={files.pki.certificate('etcd')}",
            f"--key-file={files.pki.key('etcd')}",
            f"--trusted-ca-file={files.pki.certificate('etcd-ca')}",
            "--client-cert-auth=true",
            "--snapshot-count=10000",
            "--auto-compaction-retention=1h",
        ),
        inputs=(Path(files.pki.certificate("etcd")),),
    )


def apiserver(files: ConfigFiles) -> Program:
    """Return the API server: Node and RBAC authorization, aggregation for metrics-server."""
    pki = files.pki
    return Program(
        name="kube-apiserver",
        command=(
            files.bin("kube-apiserver"),
            f"--bind-address={NODE_ADDRESS}",
            f"--advertise-address={NODE_ADDRESS}",
            f"--secure-port={API_PORT}",
            f"--service-cluster-ip-range={SERVICE_CIDR}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--anonymous-auth=false",
            "--profiling=false",
            f"--client-ca-file={pki.certificate('ca')}",
            f"--tls-cert-file={pki.certificate('apiserver')}",
            f"--tls-private-key-file={pki.key('apiserver')}",
            f"--etcd-servers=https://127.0.0.1:{ETCD_PORT}",
            f"--etcd-cafile={pki.certificate('etcd-ca')}",
            f"--etcd-certfile={pki.certificate('apiserver-etcd-client')}",
            f"--etcd-keyfile={pki.key('apiserver-etcd-client')}",
            f"--kubelet-certificate-authority={pki.certificate('ca')}",
            f"--kubelet-client-certificate={pki.certificate('apiserver-kubelet-client')}",
            f"--kubelet-client-key={pki.key('apiserver-kubelet-client')}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-account-issuer=https://kubernetes.default.svc.{CLUSTER_DOMAIN}",
            f"--service-account-key-file={pki.folder / 'service-account.pub'}",
            f"--service-account-signing-key-file={pki.folder / 'service-account.key'}",
            f"--requestheader-client-ca-file={pki.certificate('front-proxy-ca')}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            f"--proxy-client-cert-file={pki.certificate('front-proxy-client')}",
            f"--proxy-client-key-file={pki.key('front-proxy-client')}",
        ),
        inputs=(Path(pki.certificate("apiserver")), Path(pki.certificate("ca"))),
    )


def controller_manager(files: ConfigFiles) -> Program:
    """Return the controllers."""
    config = str(files.pki.folder / "controller-manager.kubeconfig")
    return Program(
        name="kube-controller-manager",
        command=(
            files.bin("kube-controller-manager"),
            "--bind-address=127.0.0.1",
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            f"--root-ca-file={files.pki.certificate('ca')}",
            f"--service-account-private-key-file={files.pki.folder / 'service-account.key'}",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
            "--profiling=false",
            "--horizontal-pod-autoscaler-sync-period=10s",
            "--horizontal-pod-autoscaler-initial-readiness-delay=10s",
            # One node, watched from the same machine: a dead pod need not wait for a far kubelet to come back.
            "--node-monitor-grace-period=30s",
        ),
    )


def scheduler(files: ConfigFiles) -> Program:
    """Return the scheduler."""
    config = str(files.pki.folder / "scheduler.kubeconfig")
    return Program(
        name="kube-scheduler",
        command=(
            files.bin("kube-scheduler"),
            "--bind-address=127.0.0.1",
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            "--leader-elect=false",
            "--profiling=false",
        ),
    )
