import Foundation
import TestSupport
import Testing

/// Writes tar and .deb files byte by byte, also such as no proper tool makes.
struct DebBytes {
    var data: [UInt8] = []

    /// Adds a ustar member.
    mutating func add(
        _ name: String,
        type: Character = "0",
        mode: Int = 0o644,
        target: String = "",
        content: [UInt8] = [],
        declaredSize: Int? = nil
    ) {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ offset: Int) {
            for (index, byte) in text.utf8.enumerated() { block[offset + index] = byte }
        }
        func octal(_ value: Int, _ digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put(name, 0)
        put(octal(mode, 7), 100)
        put(octal(0, 7), 108)
        put(octal(0, 7), 116)
        put(octal(declaredSize ?? content.count, 11), 124)
        put(octal(0, 11), 136)
        put("        ", 148)
        put(String(type), 156)
        put(target, 157)
        put("ustar\u{0}00", 257)
        put(octal(block.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", 148)
        data += block + content
        data += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    mutating func addText(_ name: String, _ text: String) { add(name, content: Array(text.utf8)) }

    /// The archive with its end.
    var tar: [UInt8] { data + [UInt8](repeating: 0, count: 1024) }

    static func control(_ fields: String = "") -> [UInt8] {
        var tar = DebBytes()
        tar.addText("./control", "Package: sample\nVersion: 1.0\nArchitecture: all\n\(fields)")
        return tar.tar
    }

    /// An `ar` archive of the given members.
    static func ar(_ members: [(name: String, data: [UInt8])]) -> [UInt8] {
        var bytes = Array("!<arch>\n".utf8)
        for member in members {
            func padded(_ text: String, _ width: Int) -> String {
                text + String(repeating: " ", count: width - text.utf8.count)
            }
            bytes += Array(padded(member.name, 16).utf8) + Array("0           0     0     100644  ".utf8)
            bytes += Array(padded("\(member.data.count)", 10).utf8) + Array("`\n".utf8) + member.data
            if member.data.count % 2 == 1 { bytes.append(10) }
        }
        return bytes
    }

    /// A package with uncompressed parts.
    static func deb(control: [UInt8] = control(), data: [UInt8]) -> [UInt8] {
        ar([("debian-binary", Array("2.0\n".utf8)), ("control.tar", control), ("data.tar", data)])
    }
}

extension TemporaryDirectory {
    /// Writes a file into the directory and returns its path.
    func write(_ bytes: [UInt8], to name: String) throws -> String {
        let path = file(name)
        try Data(bytes).write(to: URL(filePath: path))
        return path
    }
}
