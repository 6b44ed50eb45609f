{{/* Older charts start one, whatever they are told. */}}
{{- define "replicas" -}}
{{- ternary (.deployment.replicaCount | default 1) 1 .generation.current -}}
{{- end -}}

{{/* What is not named after a deployment is named after this. */}}
{{- define "fullname" -}}
{{- .release }}-dagster-user-deployments
{{- end -}}

{{- define "account" -}}
{{- include "fullname" . }}-user-deployments
{{- end -}}

{{/* The arguments of the container; none when the image's own command is to run. */}}
{{- define "args" -}}
{{- if and .deployment.codeServerArgs (gt (include "replicas" . | int) 1) -}}
  {{- fail "codeServerArgs is for one replica" -}}
{{- end -}}
{{- $address := list "-h" "0.0.0.0" "-p" (toString .deployment.port) -}}
{{- if .deployment.dagsterApiGrpcArgs -}}
  {{- $id := list -}}
  {{- if .generation.current -}}
    {{- $id = list "--fixed-server-id" (.deployment | toJson | sha256sum) -}}
  {{- end -}}
  {{- concat (list "dagster" "api" "grpc") $address $id .deployment.dagsterApiGrpcArgs | toJson -}}
{{- else if .deployment.codeServerArgs -}}
  {{- concat (list "dagster" "code-server" "start") $address .deployment.codeServerArgs | toJson -}}
{{- else -}}
  []
{{- end -}}
{{- end -}}

{{/* The configuration of the deployment that pods of runs get, too. */}}
{{- define "context" -}}
{{- $maps := list (printf "%s-%s-user-env" (include "fullname" .) .deployment.name) -}}
{{- range .deployment.envConfigMaps }}{{ $maps = append $maps .name }}{{ end -}}
{{- $secrets := list -}}
{{- range .deployment.envSecrets }}{{ $secrets = append $secrets .name }}{{ end -}}
{{- $k8s := dict
      "image_pull_policy" .deployment.image.pullPolicy
      "env_config_maps" $maps
      "env_secrets" $secrets
      "volumes" (.deployment.volumes | default list)
      "volume_mounts" (.deployment.volumeMounts | default list)
      "labels" (.deployment.labels | default dict)
      "resources" (.deployment.resources | default dict)
      "namespace" .namespace
      "service_account_name" (include "account" .) -}}
{{- if .generation.current -}}
  {{- $pod := dict "automount_service_account_token" true -}}
  {{- $_ := set $k8s "run_k8s_config" (dict "pod_spec_config" $pod) -}}
{{- end -}}
{{- dict "k8s" $k8s | toJson -}}
{{- end -}}

{{/* Variables; the context has another name under each way to start. */}}
{{- define "env" -}}
{{- $image := printf "%s:%s" .deployment.image.repository (toString .deployment.image.tag) -}}
{{- $secret := dict "name" "dagster-postgresql-secret" "key" "postgresql-password" -}}
{{- $env := list
      (dict "name" "DAGSTER_CURRENT_IMAGE" "value" $image)
      (dict "name" "DAGSTER_PG_PASSWORD" "valueFrom" (dict "secretKeyRef" $secret)) -}}
{{- if (.deployment.includeConfigInLaunchedRuns | default (dict "enabled" true)).enabled -}}
  {{- $name := ternary "DAGSTER_CLI_API_GRPC_CONTAINER_CONTEXT" "DAGSTER_CONTAINER_CONTEXT"
        (hasKey .deployment "dagsterApiGrpcArgs") -}}
  {{- $env = append $env (dict "name" $name "value" (include "context" .)) -}}
{{- end -}}
{{- concat $env (.deployment.env | default list) | toJson -}}
{{- end -}}

{{/* A probe, which asks with Dagster's own command unless it has one. */}}
{{- define "probe" -}}
{{- $command := list "dagster" "api" "grpc-health-check" "-p" (toString .port) -}}
{{- $ask := dict "exec" (dict "command" $command) -}}
{{- merge (omit .probe "enabled") $ask | toJson -}}
{{- end -}}
