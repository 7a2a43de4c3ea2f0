#Requires -Version 5.1
#Requires -PSEdition Desktop
#Requires -RunAsAdministrator
<#
.SYNOPSIS
Installs an askfirst slave as a Windows service, or upgrades it when it is there already.
.DESCRIPTION
README.md beside this file is the page to read. Run again it changes what is different: a service that
runs is stopped first, and finishes its tasks.
.PARAMETER Bundle
The zip of a release for Windows; README.md says how it is made.
.PARAMETER WinSW
WinSW-x64.exe, version 2.12.
.PARAMETER WinSWSha256
What its SHA-256 must be, from where you trust it.
.PARAMETER MasterAddress
IP address of the master: the only one that the firewall lets in.
.PARAMETER JoinFile
A file with the line that "askfirst token create" printed; it is read the first time only, and removed.
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory)] [string] $Bundle,
    [Parameter(Mandatory)] [string] $WinSW,
    [Parameter(Mandatory)] [ValidatePattern('^[0-9A-Fa-f]{64}$')] [string] $WinSWSha256,
    [Parameter(Mandatory)] [ipaddress] $MasterAddress,
    [Parameter(Mandatory)] [ipaddress] $Address,
    [ValidatePattern('^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$')] [string] $Name = $env:COMPUTERNAME,
    [string] $JoinFile,
    [ValidateRange(1, 65535)] [int] $Port = 9001,
    [ValidateRange(1, 256)] [int] $Slots = [Environment]::ProcessorCount
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$service = 'askfirst-slave'
$account = "NT SERVICE\$service"
$top = Join-Path $env:ProgramData 'askfirst'
$program = Join-Path $top "$service.exe"
$folders = $top, (Join-Path $top 'data'), (Join-Path $top 'logs')

$found = (Get-FileHash -Algorithm SHA256 -LiteralPath $WinSW).Hash
if ($found -ne $WinSWSha256) {
    throw "$WinSW has the SHA-256 $found, not $WinSWSha256"
}
if (-not $PSCmdlet.ShouldProcess($env:COMPUTERNAME, "install the service $service")) {
    return
}

# Anybody may make a folder there before us, and would keep his rights in it.
foreach ($folder in $folders) {
    if (-not (Test-Path -LiteralPath $folder)) {
        continue
    }
    $owner = (Get-Acl -LiteralPath $folder).GetOwner([Security.Principal.SecurityIdentifier]).Value
    if ($owner -notin 'S-1-5-32-544', 'S-1-5-18') {
        throw "$folder belongs to $owner, not to the administrators. Check its permissions, then take ownership: icacls `"$folder`" /setowner *S-1-5-32-544"
    }
}

if (Get-Service -Name $service -ErrorAction SilentlyContinue) {
    Stop-Service -Name $service
}
foreach ($folder in 'data', 'logs') {
    New-Item -ItemType Directory -Force -Path (Join-Path $top $folder) | Out-Null
}
foreach ($folder in $folders) {
    & icacls.exe $folder /setowner '*S-1-5-32-544' | Out-Null
}
# Nobody else looks in: inherited rights go, administrators and the system may do everything.
& icacls.exe $top /inheritance:r /grant '*S-1-5-32-544:(OI)(CI)F' '*S-1-5-18:(OI)(CI)F' | Out-Null

$release = Join-Path $top 'release'
if (Test-Path -LiteralPath $release) {
    Remove-Item -Recurse -Force -LiteralPath $release
}
Expand-Archive -LiteralPath $Bundle -DestinationPath $release
Copy-Item -LiteralPath $WinSW -Destination $program -Force
Copy-Item -LiteralPath (Join-Path $PSScriptRoot "$service.xml") -Destination $top -Force

$settings = [ordered]@{
    name      = $Name
    host      = '0.0.0.0'
    port      = $Port
    advertise = "https://${Address}:$Port"
    slots     = $Slots
    data      = (Join-Path $top 'data')
    joinFile  = (Join-Path $top 'join')
    drainMs   = 60000
}
# WriteAllText, because Set-Content of Windows PowerShell begins UTF-8 with a mark.
[IO.File]::WriteAllText((Join-Path $top 'settings.json'), (ConvertTo-Json $settings))
if ($JoinFile) {
    Move-Item -Force -LiteralPath $JoinFile -Destination $settings.joinFile
}

if (-not (Get-Service -Name $service -ErrorAction SilentlyContinue)) {
    & $program install
    if ($LASTEXITCODE -ne 0) {
        throw "WinSW could not install the service: $LASTEXITCODE"
    }
}
# The account is there once the service is. It reads all, and writes only data and logs.
& icacls.exe $top /grant "${account}:(OI)(CI)RX" | Out-Null
foreach ($folder in 'data', 'logs') {
    & icacls.exe (Join-Path $top $folder) /grant "${account}:(OI)(CI)M" | Out-Null
}

Get-NetFirewallRule -Name $service -ErrorAction SilentlyContinue | Remove-NetFirewallRule
$rule = @{
    Name          = $service
    DisplayName   = 'askfirst slave (from its master only)'
    Direction     = 'Inbound'
    Action        = 'Allow'
    Protocol      = 'TCP'
    LocalPort     = $Port
    RemoteAddress = $MasterAddress.ToString()
    Program       = (Join-Path $release 'node_modules\node\bin\node.exe')
}
New-NetFirewallRule @rule | Out-Null

Start-Service -Name $service
Write-Output "The service $service runs as $Name at $($settings.advertise)."
