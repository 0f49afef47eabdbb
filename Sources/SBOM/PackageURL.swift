/// Package URLs (purl-spec).
enum PackageURL {
    /// `pkg:deb/debian/NAME@VERSION?arch=ARCH&distro=DISTRIBUTION`.
    static func debian(name: String, version: String, architecture: String, distribution: String) -> String {
        "pkg:deb/debian/\(encode(name.lowercased()))@\(encode(version))"
            + "?arch=\(encode(architecture))&distro=\(encode(distribution))"
    }

    /// `pkg:generic/NAME@VERSION?arch=ARCH`, for what no registry has.
    static func generic(name: String, version: String, architecture: String) -> String {
        "pkg:generic/\(encode(name))@\(encode(version))?arch=\(encode(architecture))"
    }

    /// `pkg:swift/HOST/OWNER/NAME@VERSION`, by the address of a Swift package's repository; that of a generic package where
    /// it has none of this form.
    static func swift(name: String, version: String, location: String) -> String {
        let scheme = "https://"
        let parts = location.dropFirst(scheme.count).split(separator: "/")
        guard location.hasPrefix(scheme), parts.count > 1 else {
            return "pkg:generic/\(encode(name))@\(encode(version))"
        }
        let namespace = parts.dropLast().map { encode(String($0)) }.joined(separator: "/")
        return "pkg:swift/\(namespace)/\(encode(name))@\(encode(version))"
    }

    /// Percent-encodes all but unreserved characters and the colon, which purl leaves as it is.
    static func encode(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var result: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "_"),
                UInt8(ascii: "~"), UInt8(ascii: ":"):
                result.append(byte)
            default:
                result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
