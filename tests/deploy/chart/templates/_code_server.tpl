{{/* The arguments of the container; none when the image's own command is to run. */}}
{{- define "args" -}}
{{- $address := list "-h" "0.0.0.0" "-p" (toString .deployment.port) -}}
{{- if .deployment.dagsterApiGrpcArgs -}}
  {{- $id := list -}}
  {{- if .generation.fixedServerId -}}
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
{{- $maps := list (printf "dagster-%s-user-env" .deployment.name) -}}
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
      "service_account_name" "dagster-user-deployments" -}}
{{- dict "k8s" $k8s | toJson -}}
{{- end -}}

{{/* Variables; the context has another name under each way to start. */}}
{{- define "env" -}}
{{- $image := printf "%s:%s" .deployment.image.repository (toString .deployment.image.tag) -}}
{{- $env := list (dict "name" "DAGSTER_CURRENT_IMAGE" "value" $image) -}}
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
