/** Source: Kubernetes API reference, authentication.k8s.io/v1 UserInfo. */
import { field, list, mapOf, object, string } from "../../schema/schema.ts";

export const AUTHENTICATION_GROUP = "authentication.k8s.io";

export const userInfo = object("io.k8s.api.authentication.v1.UserInfo", "Somebody who has been authenticated.", {
  username: field(1, string, "Name of the user."),
  uid: field(2, string, "Tells users of the same name apart over time."),
  groups: field(3, list(string), "Groups of the user."),
  extra: field(4, mapOf(list(string)), "More about the user."),
});
