#Requires -Version 5.1
#Requires -PSEdition Desktop
#Requires -RunAsAdministrator
#Requires -Modules Hyper-V
<#
.SYNOPSIS
Makes one askfirst master and any number of slaves as Hyper-V VMs, lists them, removes them.
.DESCRIPTION
README.md beside this file is the page to read. Everything is under one folder, and every VM has the
prefix "askfirst-", so that removal finds all of it and nothing else.
.EXAMPLE
.\AskfirstVm.ps1 New -Image debian-12-genericcloud-amd64.qcow2 -Bundle askfirst.tgz -Slaves 3
.EXAMPLE
.\AskfirstVm.ps1 List
.EXAMPLE
.\AskfirstVm.ps1 Remove
#>
[CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')]
param(
    [Parameter(Mandatory, Position = 0)] [ValidateSet('New', 'List', 'Remove')] [string] $Action,
    # A cloud image of Debian 12 or Ubuntu 24.04 or later, as qcow2.
    [string] $Image,
    # What "deploy.sh bundle askfirst.tgz" wrote.
    [string] $Bundle,
    [ValidateRange(1, 200)] [int] $Slaves = 2,
    [string] $Folder = (Join-Path $env:ProgramData 'askfirst-hyper-v'),
    [string] $Switch = 'Default Switch',
    [string] $QemuImg = 'qemu-img.exe',
    [ValidateRange(1024, 1048576)] [uint64] $MemoryMiB = 2048,
    [ValidateRange(1, 64)] [int] $Processors = 2
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$prefix = 'askfirst-'
# Microsoft UEFI Certificate Authority, by id: its name is translated on some Windows.
$secureBootTemplate = [guid] '272e7447-90a4-4563-a4b9-8e4ab00526ce'
$key = Join-Path $Folder 'key'
$sshOptions = @('-q', '-i', $key, '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10')
$knownHosts = @('-o', "UserKnownHostsFile=$(Join-Path $Folder 'known_hosts')")

function Invoke-Tool([string] $Path, [string[]] $Arguments) {
    $output = & $Path @Arguments
    if ($LASTEXITCODE -ne 0) {
        throw "$Path ended with $LASTEXITCODE"
    }
    return $output
}

# The cloud image as a VHDX that VMs share; each writes to a disk of its own beside it.
function New-BaseDisk {
    $base = Join-Path $Folder 'base.vhdx'
    if (-not (Test-Path -LiteralPath $base)) {
        Invoke-Tool $QemuImg @('convert', '-O', 'vhdx', '-o', 'subformat=dynamic', $Image, $base) | Out-Null
        # qemu-img leaves the file sparse, which Hyper-V refuses.
        Invoke-Tool 'fsutil.exe' @('sparse', 'setflag', $base, '0') | Out-Null
        Resize-VHD -Path $base -SizeBytes 20GB
        Set-ItemProperty -LiteralPath $base -Name IsReadOnly -Value $true
    }
    return $base
}

# What cloud-init reads at the first boot: a small FAT32 disk with the label CIDATA.
function New-SeedDisk([string] $Name, [string] $UserData) {
    $path = Join-Path $Folder "$Name-seed.vhdx"
    New-VHD -Path $path -SizeBytes 512MB -Dynamic | Out-Null
    $disk = Mount-VHD -Path $path -Passthru | Get-Disk
    try {
        Initialize-Disk -Number $disk.Number -PartitionStyle MBR
        $partition = New-Partition -DiskNumber $disk.Number -UseMaximumSize -AssignDriveLetter
        Format-Volume -Partition $partition -FileSystem FAT32 -NewFileSystemLabel 'CIDATA' | Out-Null
        $drive = "$($partition.DriveLetter):\"
        # Neither a mark at the beginning nor carriage returns: cloud-init wants "#cloud-config" first.
        [IO.File]::WriteAllText("${drive}user-data", $UserData.Replace("`r`n", "`n"))
        [IO.File]::WriteAllText("${drive}meta-data", "instance-id: $Name-$([guid]::NewGuid())`n")
        Copy-Item -LiteralPath $Bundle -Destination "${drive}askfirst.tgz"
    }
    finally {
        Dismount-VHD -Path $path
    }
    return $path
}

# A document of deploy/cloud-init, filled in; log-in by our key, and the host key that we will expect.
function Get-UserData([string] $File, [string] $Name, [hashtable] $Words) {
    $hostKey = Join-Path $Folder "$Name-host-key"
    Invoke-Tool 'ssh-keygen.exe' @('-q', '-t', 'ed25519', '-N', '""', '-C', $Name, '-f', $hostKey) | Out-Null
    $text = Get-Content -Raw -LiteralPath (Join-Path $PSScriptRoot "..\cloud-init\$File")
    $Words['BUNDLE_URL'] = 'file:///run/askfirst/seed/askfirst.tgz'
    $Words['BUNDLE_SHA256'] = (Get-FileHash -Algorithm SHA256 -LiteralPath $Bundle).Hash.ToLower()
    foreach ($word in $Words.Keys) {
        $text = $text.Replace($word, $Words[$word])
    }
    $private = (Get-Content -LiteralPath $hostKey | ForEach-Object { "    $_" }) -join "`n"
    $public = Get-Content -Raw -LiteralPath "$hostKey.pub"
    $mine = Get-Content -Raw -LiteralPath "$key.pub"
    $text += "ssh_authorized_keys:`n  - $($mine.Trim())`n"
    $text += "ssh_keys:`n  ed25519_private: |`n$private`n  ed25519_public: $($public.Trim())`n"
    $text += "mounts:`n  - [LABEL=CIDATA, /run/askfirst/seed, vfat, 'ro,nofail']`n"
    return $text
}

function New-AskfirstVm([string] $Name, [string] $Base, [string] $UserData) {
    $disk = Join-Path $Folder "$Name.vhdx"
    New-VHD -Path $disk -ParentPath $Base -Differencing | Out-Null
    $seed = New-SeedDisk $Name $UserData
    New-VM -Name $Name -Generation 2 -VHDPath $disk -SwitchName $Switch -Path $Folder | Out-Null
    Add-VMHardDiskDrive -VMName $Name -Path $seed
    # Static memory: a slave's executors come and go faster than memory does.
    Set-VMMemory -VMName $Name -DynamicMemoryEnabled $false -StartupBytes ($MemoryMiB * 1048576)
    Set-VMProcessor -VMName $Name -Count $Processors
    Set-VMFirmware -VMName $Name -EnableSecureBoot On -SecureBootTemplateId $secureBootTemplate
    # Cloud images write to the serial port, and some wait for one.
    Set-VMComPort -VMName $Name -Number 1 -Path "\\.\pipe\$Name"
    # Stopping waits until the guest has ended, and so until the slave has finished what it has.
    Set-VM -Name $Name -AutomaticStopAction ShutDown -AutomaticCheckpointsEnabled $false
    Start-VM -Name $Name
}

# The address of a VM, once it has one and lets us in; its host key is then known.
function Wait-Address([string] $Name) {
    $public = (Get-Content -Raw -LiteralPath (Join-Path $Folder "$Name-host-key.pub")).Trim()
    foreach ($try in 1..120) {
        $addresses = (Get-VMNetworkAdapter -VMName $Name).IPAddresses
        $address = $addresses | Where-Object { $_ -match '^\d+\.\d+\.\d+\.\d+$' } | Select-Object -First 1
        if ($address) {
            Add-Content -LiteralPath (Join-Path $Folder 'known_hosts') -Value "$address $public"
            return $address
        }
        Start-Sleep -Seconds 2
    }
    throw "$Name has no address after four minutes: check its console"
}

# Runs a command (without single quotes) on a VM as root, and gives what it prints; tries again until the VM is set up.
function Invoke-OnVm([string] $Address, [string] $Command) {
    foreach ($try in 1..60) {
        $output = & ssh.exe @sshOptions @knownHosts "$(Get-User)@$Address" "sudo sh -c '$Command'"
        if ($LASTEXITCODE -eq 0) {
            return $output
        }
        Start-Sleep -Seconds 3
    }
    throw "$Address did not complete this within three minutes: $Command"
}

function Get-User {
    return (Get-Content -Raw -LiteralPath (Join-Path $Folder 'user')).Trim()
}

function New-Cluster {
    if (-not ($Image -and $Bundle)) {
        throw 'New requires -Image and -Bundle'
    }
    # Anybody may make a folder there before us, and would keep his rights in it.
    if (Test-Path -LiteralPath $Folder) {
        $owner = (Get-Acl -LiteralPath $Folder).GetOwner([Security.Principal.SecurityIdentifier]).Value
        if ($owner -notin 'S-1-5-32-544', 'S-1-5-18') {
            throw "$Folder belongs to $owner, not to the administrators: check its content and remove it"
        }
    }
    New-Item -ItemType Directory -Force -Path $Folder | Out-Null
    Invoke-Tool 'icacls.exe' @($Folder, '/setowner', '*S-1-5-32-544') | Out-Null
    Invoke-Tool 'icacls.exe' @($Folder, '/inheritance:r', '/grant', '*S-1-5-32-544:(OI)(CI)F', '*S-1-5-18:(OI)(CI)F', '*S-1-5-83-0:(OI)(CI)RX') | Out-Null
    Invoke-Tool 'ssh-keygen.exe' @('-q', '-t', 'ed25519', '-N', '""', '-C', 'askfirst', '-f', $key) | Out-Null
    # The user that the image makes.
    $user = if ($Image -match 'ubuntu|noble|jammy') { 'ubuntu' } else { 'debian' }
    Set-Content -LiteralPath (Join-Path $Folder 'user') -Value $user
    $base = New-BaseDisk

    $master = "${prefix}master"
    New-AskfirstVm $master $base (Get-UserData 'master.yaml' $master @{})
    $address = Wait-Address $master
    $adminKey = Invoke-OnVm $address 'cat /root/askfirst-admin.key'
    Set-Content -LiteralPath (Join-Path $Folder 'admin.key') -Value $adminKey
    Set-Content -LiteralPath (Join-Path $Folder 'ca.pem') -Value (Invoke-OnVm $address 'cat /var/lib/askfirst/master/auth/ca.pem')

    # One after the other: the order in which they come is the order of asking.
    foreach ($number in 1..$Slaves) {
        $name = "${prefix}slave-$number"
        $line = Invoke-OnVm $address "sh /opt/askfirst/master/current/deploy/ssh/host.sh token master slave-$number"
        $words = @{ SLAVE_NAME = "slave-$number"; JOIN_LINE = $line }
        New-AskfirstVm $name $base (Get-UserData 'slave.yaml' $name $words)
        $its = Wait-Address $name
        Invoke-OnVm $its "systemctl is-active askfirst-slave@slave-$number" | Out-Null
        Write-Output "$name runs at $its"
    }
    Write-Output "The master is https://${address}:8080; its key and certificate are in $Folder."
}

# In the order of asking, as the master says it.
function Show-Cluster {
    $address = Wait-Address "${prefix}master"
    # The key that the master gave first lies there.
    Invoke-OnVm $address "sh /opt/askfirst/master/current/deploy/ssh/host.sh slaves master https://${address}:8080 < /root/askfirst-admin.key"
}

# The slaves first, last to first: each finishes its tasks.
function Remove-Cluster {
    $machines = Get-VM -Name "${prefix}*" -ErrorAction SilentlyContinue | Sort-Object -Property CreationTime -Descending
    foreach ($machine in $machines) {
        if (-not $PSCmdlet.ShouldProcess($machine.Name, 'stop and remove with its disks')) {
            return
        }
        Stop-VM -VM $machine -Force
        Remove-VM -VM $machine -Force
    }
    if ((Test-Path -LiteralPath $Folder) -and $PSCmdlet.ShouldProcess($Folder, 'remove')) {
        Remove-Item -Recurse -Force -LiteralPath $Folder
    }
}

switch ($Action) {
    'New' { New-Cluster }
    'List' { Show-Cluster }
    'Remove' { Remove-Cluster }
}
