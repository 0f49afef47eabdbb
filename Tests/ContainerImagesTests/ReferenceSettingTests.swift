import OCI
import SettingsModel
import Testing

/// What the settings take as an image's reference, the host can fetch.
@Suite struct ReferenceSettingTests {
    @Test(arguments: [
        "busybox", "library/busybox:1.36", "registry.example.org:5000/team/image:v1.2_3", "[::1]:80/a",
        "localhost/a@sha256:\(String(repeating: "0", count: 64))", "a__b/c--d", "a.b/c/d:e",
        String(repeating: "a", count: 237), "a.example/\(String(repeating: "a", count: 245))",
        String(repeating: "0", count: 63), "1234/5678",
    ])
    func bothTakeIt(_ text: String) throws {
        #expect(SettingsModel.ImageReference(text) != nil)
        _ = try OCI.ImageReference(parsing: text)
    }

    @Test(arguments: [
        "a@sha512:\(String(repeating: "f", count: 128))", String(repeating: "0", count: 64),
        String(repeating: "a", count: 238), "a.example/\(String(repeating: "a", count: 246))", "a:",
        "a@sha256:ff", "Busybox", "a//b", "",
    ])
    func neitherTakesIt(_ text: String) {
        #expect(SettingsModel.ImageReference(text) == nil)
        #expect(throws: OCIError.self) { try OCI.ImageReference(parsing: text) }
    }
}
