/** All recipes, for the model and for every enforcer: the same cases on each. */
import { clusterRecipes } from "./recipes/cluster-recipes.ts";
import { commonRecipes } from "./recipes/common-recipes.ts";
import { isolationRecipes } from "./recipes/isolation-recipes.ts";
import { peerRecipes } from "./recipes/peer-recipes.ts";
import { portRecipes } from "./recipes/port-recipes.ts";
import type { PolicyRecipe } from "./recipes/recipe.ts";

export const POLICY_RECIPES: readonly PolicyRecipe[] = [
  ...isolationRecipes,
  ...peerRecipes,
  ...portRecipes,
  ...commonRecipes,
  ...clusterRecipes,
];
