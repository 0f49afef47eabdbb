/// What an install does with the EFI system partition, in its steps 1 and 5.
///
/// Every function returns when its changes are on the medium.
public protocol BootFiles: Sendable {
    /// Makes sure that the release's kernel image will fit, when what `removeInactive` removes is gone.
    func checkRoom() throws
    /// Removes the boot entry of the inactive slot, and what was staged before; the active slot's is left alone.
    func removeInactive() throws
    /// Writes the release's kernel image where no boot loader looks for it, and reads it back.
    func stage() throws
}
