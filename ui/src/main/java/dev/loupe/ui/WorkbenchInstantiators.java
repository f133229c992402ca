package dev.loupe.ui;

import com.vaadin.flow.di.DefaultInstantiator;
import com.vaadin.flow.di.Instantiator;
import com.vaadin.flow.di.InstantiatorFactory;
import com.vaadin.flow.server.VaadinService;
import com.vaadin.flow.server.VaadinServletService;
import dev.loupe.service.Workbench;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;

/** Gives views the services through their constructors: one of the form {@code View(Workbench)} is used if there is one. */
public class WorkbenchInstantiators implements InstantiatorFactory {
    @Override
    public Instantiator createInstantitor(VaadinService service) {
        return new WithWorkbench(service);
    }

    /** The services of this Vaadin service. */
    Workbench workbench(VaadinService service) {
        Object found = ((VaadinServletService) service)
                .getServlet()
                .getServletContext()
                .getAttribute(VaadinUi.WORKBENCH);
        return (Workbench) found;
    }

    private final class WithWorkbench extends DefaultInstantiator {
        private final VaadinService vaadin;

        WithWorkbench(VaadinService service) {
            super(service);
            this.vaadin = service;
        }

        @Override
        public <T> T getOrCreate(Class<T> type) {
            Constructor<T> constructor;
            try {
                constructor = type.getDeclaredConstructor(Workbench.class);
            } catch (NoSuchMethodException e) {
                return super.getOrCreate(type);
            }
            try {
                return constructor.newInstance(workbench(vaadin));
            } catch (InvocationTargetException e) {
                if (e.getCause() instanceof RuntimeException cause) {
                    throw cause;
                }
                throw new IllegalStateException(type + " could not be made", e.getCause());
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(type + " could not be made", e);
            }
        }
    }
}
