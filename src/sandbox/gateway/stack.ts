// A real ApiError carries the whole Java stack (10 to 12 kB), and a small client has to be able to
// skip it. The frames below a throw are always the same walk down the servlet container.

const dispatch = [
  'java.base/jdk.internal.reflect.DirectMethodHandleAccessor.invoke(DirectMethodHandleAccessor.java:103)',
  'java.base/java.lang.reflect.Method.invoke(Method.java:580)',
  'org.springframework.web.method.support.InvocableHandlerMethod.doInvoke(InvocableHandlerMethod.java:205)',
  'org.springframework.web.method.support.InvocableHandlerMethod.invokeForRequest(InvocableHandlerMethod.java:150)',
  'org.springframework.web.servlet.mvc.method.annotation.ServletInvocableHandlerMethod.invokeAndHandle(ServletInvocableHandlerMethod.java:117)',
  'org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerAdapter.handleInternal(RequestMappingHandlerAdapter.java:808)',
  'org.springframework.web.servlet.DispatcherServlet.doDispatch(DispatcherServlet.java:1072)',
  'org.springframework.web.servlet.DispatcherServlet.doService(DispatcherServlet.java:965)',
  'org.springframework.web.servlet.FrameworkServlet.processRequest(FrameworkServlet.java:1006)',
  'javax.servlet.http.HttpServlet.service(HttpServlet.java:779)',
]

const securityFilters = [
  'access.intercept.FilterSecurityInterceptor',
  'access.ExceptionTranslationFilter',
  'session.SessionManagementFilter',
  'authentication.AnonymousAuthenticationFilter',
  'servletapi.SecurityContextHolderAwareRequestFilter',
  'savedrequest.RequestCacheAwareFilter',
  'authentication.logout.LogoutFilter',
  'header.HeaderWriterFilter',
  'context.SecurityContextPersistenceFilter',
  'context.request.async.WebAsyncManagerIntegrationFilter',
  'session.DisableEncodeUrlFilter',
]

const plainFilters = [
  'RequestContextFilter',
  'FormContentFilter',
  'ServerHttpObservationFilter',
  'CharacterEncodingFilter',
  'CorsFilter',
  'ShallowEtagHeaderFilter',
  'ForwardedHeaderFilter',
  'HiddenHttpMethodFilter',
  'WebMvcMetricsFilter',
  'ErrorPageFilter',
  'RelativeRedirectFilter',
]

const container = [
  'org.apache.catalina.core.StandardWrapperValve.invoke(StandardWrapperValve.java:177)',
  'org.apache.catalina.core.StandardContextValve.invoke(StandardContextValve.java:97)',
  'org.apache.catalina.authenticator.AuthenticatorBase.invoke(AuthenticatorBase.java:543)',
  'org.apache.catalina.core.StandardHostValve.invoke(StandardHostValve.java:135)',
  'org.apache.catalina.valves.ErrorReportValve.invoke(ErrorReportValve.java:92)',
  'org.apache.catalina.core.StandardEngineValve.invoke(StandardEngineValve.java:78)',
  'org.apache.catalina.connector.CoyoteAdapter.service(CoyoteAdapter.java:360)',
  'org.apache.coyote.http11.Http11Processor.service(Http11Processor.java:399)',
  'org.apache.coyote.AbstractProcessorLight.process(AbstractProcessorLight.java:65)',
  'org.apache.tomcat.util.net.NioEndpoint$SocketProcessor.doRun(NioEndpoint.java:1784)',
  'org.apache.tomcat.util.threads.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1191)',
  'java.base/java.lang.Thread.run(Thread.java:1583)',
]

const below: string[] = [
  ...dispatch,
  ...securityFilters.flatMap((name, i) => [
    `org.springframework.security.web.FilterChainProxy$VirtualFilterChain.doFilter(FilterChainProxy.java:${336 + i})`,
    `org.springframework.security.web.${name}.doFilter(${name.split('.').at(-1)}.java:${90 + i})`,
    `org.springframework.security.web.${name}.doFilter(${name.split('.').at(-1)}.java:${70 + i})`,
  ]),
  ...plainFilters.flatMap((name, i) => [
    'org.apache.catalina.core.ApplicationFilterChain.internalDoFilter(ApplicationFilterChain.java:189)',
    'org.apache.catalina.core.ApplicationFilterChain.doFilter(ApplicationFilterChain.java:162)',
    `org.springframework.web.filter.${name}.doFilterInternal(${name}.java:${100 + i})`,
    'org.springframework.web.filter.OncePerRequestFilter.doFilter(OncePerRequestFilter.java:117)',
  ]),
  ...container,
]

/** The trace of an exception thrown at `first`: the throwing frame and what lies below it. */
export function stackTrace(first: string): string[] {
  return [first, ...below]
}
