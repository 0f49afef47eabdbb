import Foundation
import Hashing

extension SHA256Digest {
    /// The digest of a value's JSON with sorted keys: equal values have equal ones.
    init(ofCanonical value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        self.init(hashing: [UInt8](try encoder.encode(value)))
    }
}
