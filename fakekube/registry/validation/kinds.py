"""The rules of every built-in kind, by api version and plural."""

from __future__ import annotations

from collections.abc import Mapping

from fakekube.registry.validation.admissionregistration import ADMISSIONREGISTRATION
from fakekube.registry.validation.apiservices import API_SERVICES
from fakekube.registry.validation.apps import APPS
from fakekube.registry.validation.autoscaling import AUTOSCALING
from fakekube.registry.validation.batch import BATCH
from fakekube.registry.validation.certificates import CERTIFICATES
from fakekube.registry.validation.config import CONFIG
from fakekube.registry.validation.coordination import COORDINATION
from fakekube.registry.validation.definitions import DEFINITIONS
from fakekube.registry.validation.devices import DEVICES
from fakekube.registry.validation.endpoints import ENDPOINTS
from fakekube.registry.validation.endpointslices import ENDPOINT_SLICES
from fakekube.registry.validation.events import EVENTS
from fakekube.registry.validation.flowcontrol import FLOW_CONTROL
from fakekube.registry.validation.ingresses import INGRESSES
from fakekube.registry.validation.kind import Kind
from fakekube.registry.validation.networking import NETWORKING
from fakekube.registry.validation.nodes import NODES
from fakekube.registry.validation.persistent import PERSISTENT
from fakekube.registry.validation.pod_status import pod_status
from fakekube.registry.validation.pods import pod, updated_pod
from fakekube.registry.validation.priority import PRIORITY
from fakekube.registry.validation.quotas import QUOTAS
from fakekube.registry.validation.rbac import RBAC
from fakekube.registry.validation.services import SERVICES
from fakekube.registry.validation.storage import STORAGE

# Kinds with rules of their own; names of all others are subdomains.
KINDS: Mapping[str, Kind] = {
    **ADMISSIONREGISTRATION,
    **APPS,
    **BATCH,
    **COORDINATION,
    **PRIORITY,
    **CONFIG,
    **DEFINITIONS,
    **DEVICES,
    **ENDPOINTS,
    **EVENTS,
    **FLOW_CONTROL,
    **NODES,
    **QUOTAS,
    **AUTOSCALING,
    **INGRESSES,
    **NETWORKING,
    **PERSISTENT,
    **RBAC,
    **ENDPOINT_SLICES,
    **API_SERVICES,
    **CERTIFICATES,
    **SERVICES,
    **STORAGE,
    "v1/pods": Kind(create=pod, update=updated_pod, status=pod_status, update_repeats_create=False),
}
