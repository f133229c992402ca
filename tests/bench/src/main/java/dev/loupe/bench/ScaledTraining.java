package dev.loupe.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Trainings of many SAEs on a cluster, played through. SAEs that fit into a machine together are a group and read the rows once;
 * machines take one group after the other; those that run share the storage evenly.
 *
 * @param saes how many
 * @param together as many as a machine has memory for
 * @param seconds of one SAE by the processors of a machine
 * @param bytes that a group reads
 * @param bandwidth of the storage, bytes a second for all machines
 */
record ScaledTraining(int saes, int together, double seconds, double bytes, double bandwidth) {
    /** A group that runs. */
    private static final class Group {
        final double compute;
        double left = 1; // of its work

        Group(double compute) {
            this.compute = compute;
        }
    }

    /**
     * Plays it.
     *
     * @param spread of the time of a group about its mean, drawn from
     * @return seconds until the last group has ended
     */
    double on(int machines, double[] spread) {
        Random random = new Random(1);
        // whole rounds of groups, as a sweep is cut: with one group more than machines, all but one would wait for it
        int groups = Math.min(saes, machines * Math.ceilDiv(Math.ceilDiv(saes, together), machines));
        int next = 0;
        double now = 0;
        List<Group> running = new ArrayList<>();
        while (next < groups || !running.isEmpty()) {
            while (next < groups && running.size() < machines) {
                int size = saes / groups + (next++ < saes % groups ? 1 : 0);
                running.add(new Group(size * seconds * spread[random.nextInt(spread.length)]));
            }
            double reading = bytes * running.size() / bandwidth;
            double step = running.stream()
                    .mapToDouble(g -> g.left * Math.max(g.compute, reading))
                    .min()
                    .orElseThrow();
            now += step;
            running.forEach(g -> g.left -= step / Math.max(g.compute, reading));
            running.removeIf(g -> g.left < 1e-12);
        }
        return now;
    }

    /** No spread. */
    static double[] even() {
        return new double[] {1};
    }
}
