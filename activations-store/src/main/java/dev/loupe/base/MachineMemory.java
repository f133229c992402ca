package dev.loupe.base;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/** How much memory there is to plan with. */
public final class MachineMemory {
    private MachineMemory() {}

    /** Bytes of memory of this machine, or of the container. */
    public static long bytes() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
    }
}
