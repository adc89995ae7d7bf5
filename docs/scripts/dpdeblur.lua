-- Adds "restore with dpdeblur" to darktable's selected images: the raw files among them are restored
-- beside the originals as 16-bit TIFF, imported, and grouped with them. Tried with darktable 4.2.1.
local dt = require "darktable"

local function quoted(text)
    if dt.configuration.running_os == "windows" then
        return '"' .. text .. '"'
    end
    return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function restore(_, images)
    for _, image in ipairs(images) do
        if image.filename:lower():match("%.cr[23]$") then
            local raw = image.path .. "/" .. image.filename
            local result = raw:gsub("%.[^.]*$", "") .. "_sharp.tif"
            dt.print("restoring " .. image.filename)
            -- os.execute would hold up darktable.
            local code = dt.control.execute(
                "dpdeblur fix " .. quoted(raw) .. " -o " .. quoted(result) .. " --overwrite"
            )
            if code == 0 then
                local new = dt.database.import(result)
                new:group_with(image.group_leader)
                new:drop_cache() -- that of an earlier result
            else
                dt.print(image.filename .. " could not be restored")
            end
        end
    end
end

dt.gui.libs.image.register_action("dpdeblur", "restore with dpdeblur", restore)
