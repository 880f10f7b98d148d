//! The policy permitted it, no person was asked, and then something else is run.

use placet_pep::enforce::{Enforcer, Verdict};
use serde_json::json;

use crate::common::Web;
use crate::enforcing::{embedded, intent, never, read};

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_without_an_approval_is_for_one_action_too() {
    let web = Web::new();
    let enforcer = Enforcer::new(embedded(&web));
    let mut parameters = read("X0001");
    parameters["action"]["properties"] = json!({"fields": "all"});
    let mut context = read("X0001");
    context["context"] = json!({"ticket": "T-1"});
    let mut subject = read("X0001");
    subject["subject"]["id"] = json!("other-bot");
    for altered in [parameters, context, subject, read("X0002"), crate::common::disable("X0001")] {
        let verdict = enforcer.evaluate(&intent(&read("X0001"))).await.unwrap();
        let Verdict::Permitted(permit) = verdict else { panic!("{verdict:?}") };
        let refused = permit.run(intent(&altered), never).await.unwrap_err();
        assert_eq!(refused.code(), "enforce.mismatch", "{altered}");
    }
}
