#Requires -Version 5.1
#Requires -PSEdition Desktop
#Requires -RunAsAdministrator
<#
.SYNOPSIS
Removes the askfirst slave from this machine: service, firewall rule, files. It finishes its tasks.
#>
[CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')]
param()
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$service = 'askfirst-slave'
$top = Join-Path $env:ProgramData 'askfirst'
if (-not $PSCmdlet.ShouldProcess($env:COMPUTERNAME, "remove the service $service and $top")) {
    return
}
if (Get-Service -Name $service -ErrorAction SilentlyContinue) {
    Stop-Service -Name $service
    & (Join-Path $top "$service.exe") uninstall
}
Get-NetFirewallRule -Name $service -ErrorAction SilentlyContinue | Remove-NetFirewallRule
if (Test-Path -LiteralPath $top) {
    Remove-Item -Recurse -Force -LiteralPath $top
}
