import Foundation
import Hashing
import ReleaseManifest
import SBOM

/// `report.html`: what is in an image, for people; one file without scripts or anything from elsewhere.
struct ReportPage {
    let release: Release
    let inventory: PackageInventory
    /// The other files of the folder.
    let outputs: [BuildOutput]

    /// The page.
    var html: String {
        let title = "\(release.variant) \(release.version) (\(release.architecture))"
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <title>\(Self.escaped(title))</title>
            <style>
            body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 72em; padding: 0 1em }
            table { border-collapse: collapse; margin: 0 0 2em; width: 100% }
            th, td { border-bottom: 1px solid #ccc; padding: .2em .6em; text-align: left; vertical-align: top }
            td.number { text-align: right; font-variant-numeric: tabular-nums }
            code { overflow-wrap: anywhere }
            </style>
            </head>
            <body>
            <h1>\(Self.escaped(title))</h1>
            \(summary)
            <h2>Partitions</h2>
            \(partitions)
            <h2>Files</h2>
            \(files)
            <h2>Packages by size in the image</h2>
            \(packages)
            <h2>Largest files in the image</h2>
            \(largest)
            </body>
            </html>

            """
    }

    private var summary: String {
        var rows = [
            ["Root hash", code(release.root.hash.hex)],
            ["Kernel", code(release.kernelVersion)],
            ["Command line", code(release.commandLine)],
            ["Built for", code("SOURCE_DATE_EPOCH=\(release.sourceDateEpoch)")],
            ["Lock", code(release.lock.sha256.hex)],
        ]
        if release.lock.changed {
            let lines = release.lock.differences.map {
                "\($0.package): \($0.locked ?? "-") → \($0.used ?? "-")"
            }
            rows.append(["Not as locked", lines.map(Self.escaped).joined(separator: "<br>")])
        }
        return table([], rows)
    }

    private var partitions: String {
        table(
            ["Label", "Type", "PARTUUID", "Bytes"],
            release.disk.partitions.map {
                [code($0.label), code($0.type), code($0.uuid), String($0.size)]
            }
        )
    }

    private var files: String {
        table(
            ["File", "SHA-256", "Bytes"],
            outputs.map { [code($0.name), code($0.sha256.hex), String($0.size)] }
        )
    }

    private var packages: String {
        let own = inventory.files.reduce(0) { $0 + ($1.package == nil && $1.type == .regular ? $1.size : 0) }
        let rows = inventory.packages.sorted { ($1.bytes, $0.name) < ($0.bytes, $1.name) }.map {
            [code($0.name), code($0.version), String($0.bytes)]
        }
        return table(["Package", "Version", "Bytes"], [["made by the build", "", String(own)]] + rows)
    }

    private var largest: String {
        let files = inventory.files.filter { $0.type == .regular }
        let rows = files.sorted { ($1.size, $0.path) < ($0.size, $1.path) }.prefix(50).map {
            [code($0.path), code($0.package ?? ""), String($0.size)]
        }
        return table(["Path", "Package", "Bytes"], rows)
    }

    /// A table; its last column holds numbers when it is called "Bytes".
    private func table(_ head: [String], _ rows: [[String]]) -> String {
        var lines = ["<table>"]
        if !head.isEmpty { lines.append("<tr>" + head.map { "<th>\($0)</th>" }.joined() + "</tr>") }
        for row in rows {
            let cells = row.enumerated().map { index, cell in
                let isNumber = head.last == "Bytes" && index == row.count - 1
                return isNumber ? "<td class=\"number\">\(cell)</td>" : "<td>\(cell)</td>"
            }
            lines.append("<tr>" + cells.joined() + "</tr>")
        }
        return (lines + ["</table>"]).joined(separator: "\n")
    }

    private func code(_ text: String) -> String { "<code>\(Self.escaped(text))</code>" }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
