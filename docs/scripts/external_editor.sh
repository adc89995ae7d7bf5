#!/bin/sh
# An external editor for Lightroom, digiKam and others: restores the raw file beside the picture it
# is given, and puts the result in the picture's place.
# IMG_1.tif, IMG_1-Edit.tif, IMG_1-Edit-2.tif and IMG_1-Bearbeitet.tif all lead to IMG_1.CR3, .cr3, .CR2 or .cr2.
set -eu
picture=$1
folder=$(dirname "$picture")
stem=$(basename "${picture%.*}")
for name in "$stem" "${stem%-*}" "${stem%-*-*}"; do
    for ending in CR3 cr3 CR2 cr2; do
        raw=$folder/$name.$ending
        if [ -f "$raw" ]; then
            exec dpdeblur fix "$raw" -o "$picture" --overwrite --log "$HOME/dpdeblur.log"
        fi
    done
done
echo "There is no raw file beside $picture." >&2
exit 2
