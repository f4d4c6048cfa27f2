{{- define "aipull.labels" -}}
app.kubernetes.io/name: aipull
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "aipull.selector" -}}
app.kubernetes.io/name: aipull
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "aipull.secret" -}}
valueFrom: {secretKeyRef: {name: {{ .name | quote }}, key: {{ .key }}}}
{{- end }}

{{- /* As every container of docker-compose.yml: nothing to write to but volumes, no capabilities, a user of its own. */ -}}
{{- define "aipull.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsGroup: 10001
capabilities: {drop: [ALL]}
{{- end }}
