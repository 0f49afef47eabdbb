import BlockDevices
import Hashing
import Verity

extension BlockDevice {
    /// The device for the hash tree's code, which stops when it is told to.
    func veritySource(fromMedium: Bool, stop: StopFlag) -> VeritySource {
        VeritySource(name: name, byteCount: byteCount, access: fromMedium ? .direct : .cached) {
            offset,
            buffer throws(VerityError) in
            if stop.isSet { throw .cancelled }
            do throws(BlockDeviceError) {
                if fromMedium {
                    try self.readMedium(at: offset, into: buffer)
                } else {
                    try self.read(at: offset, into: buffer)
                }
            } catch {
                throw VerityError(error, reading: self.name, at: offset)
            }
        }
    }
}

extension VerityError {
    /// What a device reports while it is read, in the terms of the hash tree.
    init(_ error: BlockDeviceError, reading name: String, at offset: UInt64) {
        self =
            switch error {
            case .read(_, let offset, _, let errno): .read(path: name, offset: offset, errno: errno)
            default: .read(path: name, offset: offset, errno: 0)
            }
    }
}
