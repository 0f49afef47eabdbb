/// Package URLs (purl-spec) of Debian packages.
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
