# The same as external_editor.sh, for Windows.
param([Parameter(Mandatory)][string]$Picture)
$folder = Split-Path -Parent $Picture
$stem = [IO.Path]::GetFileNameWithoutExtension($Picture)
foreach ($name in $stem, ($stem -replace '-[^-]*$', ''), ($stem -replace '-[^-]*-[^-]*$', '')) {
    foreach ($ending in 'CR3', 'CR2') {
        $raw = Join-Path $folder "$name.$ending"
        if (Test-Path -LiteralPath $raw) {
            & dpdeblur fix $raw -o $Picture --overwrite --log "$HOME\dpdeblur.log"
            exit $LASTEXITCODE
        }
    }
}
[Console]::Error.WriteLine("There is no raw file beside $Picture.")
exit 2
