// The annotation of the generated classes. The class path of the generator has the others.
package javax.annotation;

public @interface Generated {
    String[] value();

    String comments() default "";
}
