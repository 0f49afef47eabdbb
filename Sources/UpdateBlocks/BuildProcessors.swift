import Glibc

/// The processors of a build machine.
enum BuildProcessors {
    /// How many are online.
    static var count: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
